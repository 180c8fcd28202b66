#include "registry/retry_after.h"

#include <algorithm>
#include <cstdint>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/time/civil_time.h"

namespace lacuna {
namespace {

constexpr int64_t kLongestSeconds = 60 * 60;
constexpr char kImfFixdate[] = "%a, %d %b %Y %H:%M:%S GMT";
constexpr char kRfc850[] = "%A, %d-%b-%y %H:%M:%S GMT";
constexpr char kAsctime[] = "%a %b %e %H:%M:%S %Y";

bool IsDigits(absl::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
}

// Section 5.6.7: a year of two digits is in the century that does not put it more than 50 years ahead.
// strptime has a rule of its own, which depends on no clock.
absl::Time InCenturyOf(absl::Time now, absl::Time parsed) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const absl::CivilYear latest = absl::ToCivilYear(now, utc) + 50;
  const absl::CivilSecond time = absl::ToCivilSecond(parsed, utc);
  const int64_t years_back = ((latest.year() - time.year()) % 100 + 100) % 100;
  return absl::FromCivil(absl::CivilSecond(latest.year() - years_back, time.month(), time.day(), time.hour(),
                                           time.minute(), time.second()),
                         utc);
}

std::optional<absl::Time> ParseHttpDate(absl::string_view value, absl::Time now) {
  // ParseTime knows words, such as "infinite-future", that are no HTTP-date.
  if (value.empty() || value.front() == 'i') return std::nullopt;
  absl::Time time;
  std::string ignored;
  if (absl::ParseTime(kRfc850, value, &time, &ignored)) return InCenturyOf(now, time);
  for (const char* format : {kImfFixdate, kAsctime}) {
    if (absl::ParseTime(format, value, &time, &ignored)) return time;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Duration> ParseRetryAfter(absl::string_view value, absl::Time now) {
  value = absl::StripAsciiWhitespace(value);
  if (IsDigits(value)) {
    int64_t seconds = 0;
    if (!absl::SimpleAtoi(value, &seconds)) return std::nullopt;
    return std::chrono::seconds(std::min(seconds, kLongestSeconds));
  }
  const std::optional<absl::Time> date = ParseHttpDate(value, now);
  if (!date.has_value()) return std::nullopt;
  const absl::Duration wait = std::clamp(*date - now, absl::ZeroDuration(), absl::Seconds(kLongestSeconds));
  return absl::ToChronoNanoseconds(wait);
}

}  // namespace lacuna
