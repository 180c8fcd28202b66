#include "registry/content_range.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace lacuna {
namespace {

// Positions fit a file offset, so that sums of two never wrap.
constexpr uint64_t kMaxPosition = INT64_MAX;

// Takes a run of digits off the front of `text`.
bool ConsumeNumber(absl::string_view* text, uint64_t* number) {
  const auto end = std::find_if_not(text->begin(), text->end(), absl::ascii_isdigit);
  const absl::string_view digits = text->substr(0, end - text->begin());
  text->remove_prefix(digits.size());
  return absl::SimpleAtoi(digits, number) && *number < kMaxPosition;
}

bool Parse(absl::string_view text, ContentRange* out) {
  constexpr absl::string_view kUnit = "bytes ";
  if (!absl::StartsWithIgnoreCase(text, kUnit)) return false;
  text.remove_prefix(kUnit.size());
  uint64_t first = 0;
  uint64_t last = 0;
  if (!ConsumeNumber(&text, &first) || !absl::ConsumePrefix(&text, "-") || !ConsumeNumber(&text, &last) ||
      !absl::ConsumePrefix(&text, "/") || last < first) {
    return false;
  }
  out->range = {first, last - first + 1};
  if (text == "*") return true;
  uint64_t total = 0;
  if (!ConsumeNumber(&text, &total) || !text.empty() || last >= total) return false;
  out->total = total;
  return true;
}

}  // namespace

absl::StatusOr<ContentRange> ParseContentRange(absl::string_view value) {
  ContentRange parsed;
  if (Parse(absl::StripAsciiWhitespace(value), &parsed)) return parsed;
  return absl::InvalidArgumentError(
      absl::StrCat("'", absl::CHexEscape(value.substr(0, 100)), "' is not a Content-Range"));
}

}  // namespace lacuna
