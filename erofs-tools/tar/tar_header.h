// One header block of a tar archive, taken apart: v7, ustar, old GNU and star.
// Sources: POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
//
// Callers: erofs-tools/tar. Pure; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

inline constexpr size_t kTarBlock = 512;

// Views of the block it was read from.
struct TarHeader {
  char flag = '\0';
  absl::string_view prefix;  // a folder that the name is in; empty where the dialect has none
  absl::string_view name;
  absl::string_view target;
  int64_t mode = 0;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;
  int64_t mtime = 0;
  int64_t device_major = 0;  // 0 in v7
  int64_t device_minor = 0;
  // Of a sparse file of old GNU ('S'): its size with its holes, and its first kTarHeaderSegments segments,
  // each two numbers of 12 bytes, and one byte that says whether blocks with more follow. Empty in other
  // dialects.
  absl::string_view gnu_real_size;
  absl::string_view gnu_segments;
};

bool IsZeroBlock(absl::string_view block);

// `block` is kTarBlock bytes. InvalidArgument for a wrong checksum, or a number that is none.
absl::StatusOr<TarHeader> ParseTarHeader(absl::string_view block);

}  // namespace lacuna
