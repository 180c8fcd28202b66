// Mounts of EROFS images that a door serves, and the few other mount operations the daemon needs.
//
// Callers: the daemon's own threads. Thread-safe: functions. All of them may make the kernel send requests to
// one of our doors and wait for the answer, so never call them from a door's thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cachefiles/on_demand_door.h"

namespace lacuna {

// Mounts the image read-only at the directory `target`, through loop devices where the spec says so. On an
// error nothing stays behind, and the message has what the kernel says about it.
absl::Status MountErofs(const MountSpec& spec, const std::string& target);

// Shows the mount at `source` at the directory `target` too; read-only as `source` is.
absl::Status BindMount(const std::string& source, const std::string& target);

// FailedPrecondition while files below it are in use; with `lazy` it goes from the tree at once and ends with
// the last use. NotFound when nothing is mounted there.
absl::Status Unmount(const std::string& target, bool lazy);

// Whether `path` lies on an EROFS file system. An error when it cannot be reached.
absl::StatusOr<bool> IsErofs(const std::string& path);

// Whether the kernel can mount EROFS at all. Asks it to load its module where that is missing.
bool KernelHasErofs();

}  // namespace lacuna
