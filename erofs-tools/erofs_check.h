// Reads all of an EROFS's metadata and says what is in it, or what is wrong with it.
//
// Callers: lacuna-image, tests. One thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "erofs-tools/erofs_reader.h"

namespace lacuna {

struct ErofsSummary {
  uint64_t inodes = 0;
  uint64_t names = 0;  // more than inodes where there are hard links
  uint64_t regular_files = 0;
  uint64_t directories = 0;
  uint64_t symlinks = 0;
  uint64_t devices = 0;  // character and block
  uint64_t fifos = 0;
  uint64_t sockets = 0;
  uint64_t xattrs = 0;  // those of every inode
  // Of regular files, in bytes; the largest number where a sum has none.
  uint64_t file_bytes = 0;
  uint64_t hole_bytes = 0;
};

// File bodies are not read. Errors as WalkErofs.
absl::StatusOr<ErofsSummary> CheckErofs(ErofsReader& reader);

}  // namespace lacuna
