// One entry of a tar archive, whatever dialect it was written in: ustar, GNU, PAX.
//
// A value; safe to use from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "daemon/base/byte_range.h"
#include "erofs-tools/xattr.h"

namespace lacuna {

struct TarEntry {
  enum class Type { kRegular, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

  Type type = Type::kRegular;
  std::string
      path;  // as the archive has it: any bytes but NUL, maybe with "./", "..", a leading or final "/"
  std::string target;        // of a hard link (a path as above) or a symlink
  uint16_t permissions = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  int64_t mtime = 0;  // seconds since 1970
  uint32_t mtime_nanoseconds = 0;
  uint32_t device_major = 0;  // of a device
  uint32_t device_minor = 0;
  uint64_t size = 0;  // bytes of a regular file, its holes included; 0 of everything else
  // The pieces of a regular file that the archive stores: ascending, apart from each other, none empty,
  // within `size`. Of a file that is not sparse one, all of it. Together they are the entry's body.
  std::vector<ByteRange> segments;
  std::vector<Xattr> xattrs;  // by name, each once

  uint64_t body_size() const {
    uint64_t bytes = 0;
    for (const ByteRange& segment : segments) bytes += segment.length;
    return bytes;
  }
  friend bool operator==(const TarEntry&, const TarEntry&) = default;
};

}  // namespace lacuna
