#include "daemon/base/duration.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace lacuna {
namespace {

// Far beyond every sensible deadline, far below what a Duration can hold when it is added to a TimePoint.
constexpr absl::Duration kLongest = absl::Hours(24 * 365);

}  // namespace

absl::StatusOr<Duration> ParseDuration(absl::string_view text) {
  absl::Duration parsed;
  if (!absl::ParseDuration(text, &parsed) || parsed < absl::ZeroDuration() || parsed > kLongest) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", absl::CHexEscape(text.substr(0, 100)),
                     "' is not a duration; write for example 30s, 500ms or 2m"));
  }
  return absl::ToChronoNanoseconds(parsed);
}

std::string FormatDuration(Duration duration) {
  return absl::FormatDuration(absl::FromChrono(duration));
}

}  // namespace lacuna
