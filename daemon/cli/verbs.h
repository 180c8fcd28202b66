// What each verb of lacunactl does, from its arguments to its output.
//
// Called once by main.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/cli/arguments.h"
#include "daemon/cli/control_client.h"
#include "daemon/host_check.h"

namespace lacuna {

// "mount registry.example/demo": the verb and what it is about, as an error begins.
std::string Describe(const Arguments& arguments);

// Any verb but kDoctor.
absl::Status RunVerb(const Arguments& arguments, ControlClient& client);

// kDoctor, which does without a daemon. Prints the checks, and returns the worst result.
absl::StatusOr<HostCheck::Result> RunDoctor(const Arguments& arguments);

}  // namespace lacuna
