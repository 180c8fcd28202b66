#include "daemon/cli/upgrade.h"

#include <thread>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/control_errors.h"

namespace lacuna {
namespace {

namespace api = control::v1;

constexpr std::chrono::milliseconds kLookAgain(50);

// Of whichever daemon answers now.
absl::StatusOr<api::UpgradeResponse> Look(const Arguments& arguments) {
  ASSIGN_OR_RETURN(const auto client, ControlClient::Connect(arguments.run_dir, arguments.timeout));
  api::UpgradeRequest request;
  request.set_look(true);
  return client->Upgrade(request);
}

}  // namespace

absl::StatusOr<api::UpgradeResponse> Upgrade(const Arguments& arguments, ControlClient& client) {
  ASSIGN_OR_RETURN(const api::UpgradeResponse before, Look(arguments));
  // A daemon may be replaced before its answer is out.
  const absl::StatusOr<api::UpgradeResponse> begun = client.Upgrade({});
  if (!begun.ok() && !IsDaemonUnreachable(begun.status())) return begun.status();
  const TimePoint end = std::chrono::steady_clock::now() + arguments.timeout.value_or(std::chrono::hours(1));
  while (std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(kLookAgain);
    if (client.cancelled()) return absl::CancelledError("the upgrade goes on");
    // None answers while one daemon replaces the other.
    absl::StatusOr<api::UpgradeResponse> now = Look(arguments);
    if (!now.ok()) continue;
    if (now->number() <= before.number()) {
      if (!begun.ok()) return begun.status();
      continue;
    }
    if (now->state() == api::UPGRADE_STATE_DONE) return now;
    if (now->state() == api::UPGRADE_STATE_ROLLED_BACK) {
      return absl::AbortedError(absl::StrCat(now->reason(), "; version ", now->version(),
                                             ", which ran before, goes on; lacunad's log may say more"));
    }
  }
  return absl::DeadlineExceededError("it is not over; lacunad's log tells how it goes");
}

}  // namespace lacuna
