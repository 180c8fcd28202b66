// The words that text and JSON share.
#include "absl/time/time.h"
#include "daemon/cli/output.h"

namespace lacuna {

namespace api = control::v1;

std::string NameOf(api::ObjectState state) {
  switch (state) {
    case api::OBJECT_STATE_FILLING:
      return "filling";
    case api::OBJECT_STATE_FINISHED:
      return "finished";
    case api::OBJECT_STATE_FAILED:
      return "failed";
    default:
      return "unknown";  // of a newer daemon
  }
}

std::string NameOf(api::Verified verified) {
  switch (verified) {
    case api::VERIFIED_NONE:
      return "none";
    case api::VERIFIED_INDEX:
      return "index";
    case api::VERIFIED_DIFFID:
      return "diffid";
    default:
      return "unknown";
  }
}

std::string FormatTime(int64_t unix_seconds) {
  if (unix_seconds == 0) return "";
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(unix_seconds), absl::UTCTimeZone());
}

std::string FormatTimeOfMilliseconds(int64_t unix_milliseconds) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", absl::FromUnixMillis(unix_milliseconds),
                          absl::UTCTimeZone());
}

std::string VerdictOf(const std::vector<HostCheck>& checks) {
  switch (WorstOf(checks)) {
    case HostCheck::Result::kOk:
      return "usable";
    case HostCheck::Result::kWarn:
      return "degraded";
    case HostCheck::Result::kFail:
      return "unusable";
  }
  return "unusable";
}

}  // namespace lacuna
