// The records of a PAX extended header ('x', 'g') that say something about an entry.
// Sources: POSIX.1-2017 pax, "pax Header Block"; GNU tar manual, "Storing Sparse Files"; star(5),
// "SCHILY.xattr.*"; libarchive's tar(5), "LIBARCHIVE.xattr.*".
//
// Callers: erofs-tools/tar. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/tar/tar_number.h"

namespace lacuna {

// "GNU.sparse.*". Empty: not said.
struct PaxSparse {
  std::string major;
  std::string minor;
  std::string name;
  std::string size;
  std::string real_size;  // what size is called in 1.0
  std::string blocks;     // how many segments `map` has
  std::string map;        // "offset,length,offset,length"; also what 0.0 says one by one
};

// The last record of a name counts; one with an empty value takes back what an earlier one said.
struct PaxHeader {
  std::string path;    // empty: not said
  std::string target;  // empty: not said
  std::optional<int64_t> size;
  std::optional<int64_t> uid;
  std::optional<int64_t> gid;
  std::optional<TarTime> mtime;
  PaxSparse sparse;
  // Extended attributes by name, all that are said. An empty value is a value.
  std::map<std::string, std::string> schily_xattrs;
  std::map<std::string, std::string> libarchive_xattrs;
};

// InvalidArgument says which record is malformed.
absl::StatusOr<PaxHeader> ParsePaxHeader(absl::string_view data);

}  // namespace lacuna
