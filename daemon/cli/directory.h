// The DIR of mount and umount: what the daemon, whose working directory is another, needs to know.
//
// Pure but for the look at the file system; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace lacuna {

// `given` as an absolute path without symbolic links. NotFound or FailedPrecondition, with what to do, unless
// it is a directory.
absl::StatusOr<std::string> DirectoryToMountAt(const std::string& given);

// The same for a mount that is to end. Its own file system may not answer any more, so where `given` cannot
// be looked at its parent is enough.
absl::StatusOr<std::string> DirectoryToUnmount(const std::string& given);

}  // namespace lacuna
