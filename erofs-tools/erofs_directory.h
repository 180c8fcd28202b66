// A directory's content as read from an EROFS.
// Source: Linux Documentation/filesystems/erofs.rst, "Directories"; fs/erofs/dir.c (Linux 6.18).
//
// Caller: ErofsReader. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

struct ErofsDirent {
  std::string name;  // any bytes but '/' and NUL: escape it before showing it
  uint64_t nid = 0;
  uint16_t type = 0;  // the S_IFMT bits of a mode
};

// `.` and `..` included. IntegrityError for entries out of order or twice, names that are none, and offsets
// that do not fit.
absl::StatusOr<std::vector<ErofsDirent>> ParseDirectory(absl::string_view content, uint32_t block_size);

}  // namespace lacuna
