// ParseRetryAfter: a wait is from nothing to an hour, and is no longer for who reads the header later.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "registry/retry_after.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::Time now = absl::FromUnixSeconds(784'111'717);  // a minute before the RFC's example date
  const std::optional<lacuna::Duration> wait = lacuna::ParseRetryAfter(text, now);
  if (lacuna::ParseRetryAfter(absl::StrCat(" ", text, "\t"), now) != wait) std::abort();
  if (!wait.has_value()) return 0;
  if (*wait < lacuna::Duration::zero() || *wait > std::chrono::hours(1)) std::abort();
  const std::optional<lacuna::Duration> later = lacuna::ParseRetryAfter(text, now + absl::Seconds(10));
  if (!later.has_value() || *later > *wait || *wait - *later > std::chrono::seconds(10)) std::abort();
  const absl::string_view value = absl::StripAsciiWhitespace(text);
  if (std::all_of(value.begin(), value.end(), absl::ascii_isdigit) && *later != *wait) std::abort();
  return 0;
}
