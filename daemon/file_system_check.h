// Whether a file system can hold backing files (DESIGN.md section 5).
//
// Callers: ObjectStore at start, `lacunactl doctor`. Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"

namespace lacuna {

// FailedPrecondition, with the reason and what to do, when `dir` is on overlayfs, tmpfs, btrfs or zfs. Where
// `dir` does not exist yet, its nearest existing parent is looked at. Any other file system is taken: whether
// it can be written shows when it is.
absl::Status CheckCacheFileSystem(const std::string& dir);

// The folder itself or the nearest one above it that exists; "/" at last.
std::string NearestExisting(const std::string& dir);

}  // namespace lacuna
