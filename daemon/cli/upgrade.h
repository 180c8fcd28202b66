// The verb `upgrade`: begins one, and follows it across the daemons that come and go.
//
// Caller: verbs.cc.
#pragma once

#include "absl/status/statusor.h"
#include "daemon/cli/arguments.h"
#include "daemon/cli/control_client.h"

namespace lacuna {

// What it ended with: it is done. Aborted, with the reason, when it was rolled back; DeadlineExceeded when it
// is not over within the timeout. `client` is good for nothing afterwards.
absl::StatusOr<control::v1::UpgradeResponse> Upgrade(const Arguments& arguments, ControlClient& client);

}  // namespace lacuna
