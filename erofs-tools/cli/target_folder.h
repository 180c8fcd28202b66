// The folder that an image is extracted to.
//
// Caller: `lacuna-image extract`, on the main thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// InvalidArgument unless nothing is at `path`, or an empty folder. Changes nothing.
absl::Status CheckNewOrEmpty(const std::string& path);

// The same folder, made if it is not there, and ours alone from now on: nobody else can look into it, or put
// something in. Without the access control lists that new folders get from the one above.
absl::StatusOr<UniqueFd> TakeFolder(const std::string& path);

}  // namespace lacuna
