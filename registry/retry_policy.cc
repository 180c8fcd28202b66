#include "registry/retry_policy.h"

#include <algorithm>

#include "daemon/base/jitter.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;

constexpr RetryRule kRules[] = {
    // failure              attempts  until_deadline  elsewhere  penalty
    {Failure::kConnection, 4, true, true, 1}, {Failure::kStalled, 2, true, true, 2},
    {Failure::kThrottled, 4, true, true, 1},  {Failure::kServer, 4, true, true, 1},
    {Failure::kBadAnswer, 3, false, true, 1}, {Failure::kUntrusted, 1, false, true, 4},
    {Failure::kRefused, 1, false, true, 0},   {Failure::kAbsent, 1, false, true, 0},
    {Failure::kMisled, 4, true, true, 0},     {Failure::kFinal, 1, false, false, 0},
};

constexpr milliseconds kFirstBackoff(100);
constexpr milliseconds kLongestBackoff(5000);
constexpr int kDoublings = 6;  // from the first to the longest

}  // namespace

const RetryRule& RuleOf(Failure failure) {
  return kRules[static_cast<size_t>(failure)];
}

Failure FailureOf(const absl::Status& status) {
  if (IsIntegrityError(status)) return Failure::kBadAnswer;
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      return Failure::kConnection;
    case absl::StatusCode::kDeadlineExceeded:
      return Failure::kStalled;
    case absl::StatusCode::kUnknown:
    case absl::StatusCode::kInvalidArgument:    // it cannot be read
    case absl::StatusCode::kResourceExhausted:  // it is longer than it may be
      return Failure::kBadAnswer;
    case absl::StatusCode::kPermissionDenied:
      return Failure::kUntrusted;
    case absl::StatusCode::kUnauthenticated:
      return Failure::kRefused;
    case absl::StatusCode::kNotFound:
      return Failure::kAbsent;
    default:
      return Failure::kFinal;
  }
}

Failure FailureOfCode(int code) {
  switch (code) {
    case 401:
    case 403:
      return Failure::kRefused;
    case 404:
    case 410:
      return Failure::kAbsent;
    case 408:
      return Failure::kServer;
    case 416:  // of a range within the blob: this server has another one
      return Failure::kBadAnswer;
    case 429:
      return Failure::kThrottled;
    default:
      return code >= 500 ? Failure::kServer : Failure::kRefused;
  }
}

bool MayTryAgain(Failure failure, int failed, Persistence persistence) {
  const RetryRule& rule = RuleOf(failure);
  switch (persistence) {
    case Persistence::kOnce:
      return false;
    case Persistence::kAFewTimes:
      return failed < rule.attempts;
    case Persistence::kUntilDeadline:
      return rule.until_deadline || failed < rule.attempts;
  }
  return false;
}

Duration Backoff(int failed) {
  const int doublings = std::clamp(failed - 1, 0, kDoublings);
  return Jittered(std::min<Duration>(kFirstBackoff * (1 << doublings), kLongestBackoff));
}

}  // namespace lacuna
