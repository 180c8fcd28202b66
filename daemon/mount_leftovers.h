// Mounts that a daemon that died left, and nobody takes over.
//
// Callers: Daemon at start, ErofsMounts. Functions of the mount table; nothing in the mounts themselves is
// looked at, since nobody may be there to answer.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace lacuna {

// Detaches every mount of the file systems on `devices` ("major:minor"), bind mounts with it, and removes the
// directories in `mounts_dir` where nothing is mounted. Returns what was detached outside `mounts_dir`.
absl::StatusOr<std::vector<std::string>> DetachDevices(const std::set<std::string>& devices,
                                                       const std::string& mounts_dir);

// The same of every EROFS under `mounts_dir`.
absl::StatusOr<std::vector<std::string>> DetachLeftovers(const std::string& mounts_dir);

}  // namespace lacuna
