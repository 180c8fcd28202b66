// The Retry-After header of a 429 or 503 answer: how long to leave a server alone (RFC 9110 section 10.2.3).
//
// Callers: what sends requests again. Pure; safe from any thread.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "daemon/base/clock.h"

namespace lacuna {

// How long to wait from `now` on: a number of seconds or a date in any of the three forms of section 5.6.7.
// Zero for a date that has passed. More than an hour is treated as an hour: the header is a stranger's, and a
// process waits for the answer. Absent for everything else, so that the caller chooses.
std::optional<Duration> ParseRetryAfter(absl::string_view value, absl::Time now);

}  // namespace lacuna
