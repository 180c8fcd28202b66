// The locks that keep a cache folder and a run folder to one daemon each: lacunad.lock in them, held with
// flock(2).
//
// The kernel lets go of it when the process ends, however it ends; the file stays. It holds the holder's pid,
// for messages only. Called once at start.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// The lock is held while the descriptor is open. FailedPrecondition, naming the holder, when another daemon
// has it, and when `root`, which must exist, cannot be written.
absl::StatusOr<UniqueFd> LockCacheFolder(const std::string& root, pid_t pid);
// The same for the run folder, where a daemon's mounts are: another one would take them for leftovers.
absl::StatusOr<UniqueFd> LockRunFolder(const std::string& run, pid_t pid);

// FailedPrecondition with what to do when `errno_value` says that `root` cannot be written; else ErrnoStatus.
absl::Status CacheFolderError(int errno_value, const std::string& root);

}  // namespace lacuna
