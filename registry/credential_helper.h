// Asks one of docker's credential helpers, "docker-credential-NAME get", for what it knows of a registry.
// Source: docker/docker-credential-helpers README, "Development".
//
// Callers: credential_store, on a thread that may wait. Thread-safe. No part of an answer is in an error's
// text.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"
#include "registry/credentials.h"

namespace lacuna {

inline constexpr Duration kHelperTimeLimit = std::chrono::seconds(10);

// Empty when the helper has nothing for `host`. The helper and all that it started are gone when this
// returns, which is soon after `stop_fd` (an eventfd) became readable: Cancelled. Errors begin with
// "docker-credential-NAME": NotFound when it is not installed, DeadlineExceeded when it takes longer than
// `time_limit`, InvalidArgument for a bad name, an answer that is none or has more than 64 KiB, Unknown when
// it fails or crashes.
absl::StatusOr<Credentials> AskCredentialHelper(absl::string_view name, absl::string_view host,
                                                Duration time_limit, int stop_fd);

}  // namespace lacuna
