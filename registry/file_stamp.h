// What tells, without reading it, that a file is not the one it was.
//
// Callers: what keeps files in memory and must notice an edit. Take the stamp before reading the file: then a
// change in between is noticed too. Two writes of equal length within one tick of the kernel's clock (4 ms)
// look the same. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>

namespace lacuna {

// Of what a symbolic link leads to. All numbers are zero when `exists` is false. For a folder an entry that
// comes or goes is a change, one that is written to is none.
struct FileStamp {
  std::string path;
  bool exists = false;  // false also for what may not be looked at
  uint64_t device = 0;
  uint64_t inode = 0;
  int64_t size = 0;      // bytes
  int64_t modified = 0;  // nanoseconds since 1970
  int64_t changed = 0;   // nanoseconds since 1970; moves also when `modified` was set back

  friend bool operator==(const FileStamp&, const FileStamp&) = default;
};

FileStamp StampOf(const std::string& path);

// Whether the path now has another stamp.
bool Changed(const FileStamp& stamp);

}  // namespace lacuna
