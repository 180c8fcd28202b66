// Files that a person writes: configuration, certificates.
//
// Pure but for the file system; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"

namespace lacuna {

// All of a file of at most 1 MiB. InvalidArgument when it is larger or no file that can be read, else what
// open(2) said. Errors name the path and nothing of what is in it.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

}  // namespace lacuna
