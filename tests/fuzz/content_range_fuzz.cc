// ParseContentRange: what it accepts is a range that makes sense, and prints as what was parsed.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "registry/content_range.h"

namespace {

// Leading zeros are allowed in a number; without them there is one way to write a range.
bool HasLeadingZero(absl::string_view text) {
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    const bool begins = i == 0 || !absl::ascii_isdigit(text[i - 1]);
    if (begins && text[i] == '0' && absl::ascii_isdigit(text[i + 1])) return true;
  }
  return false;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<lacuna::ContentRange> parsed = lacuna::ParseContentRange(text);
  if (!parsed.ok()) return 0;
  const lacuna::ByteRange& range = parsed->range;
  if (range.empty() || range.end() < range.offset || range.end() > INT64_MAX) std::abort();
  if (parsed->total.has_value() && range.end() > *parsed->total) std::abort();
  const std::string printed = absl::StrCat("bytes ", range.offset, "-", range.end() - 1, "/",
                                           parsed->total.has_value() ? absl::StrCat(*parsed->total) : "*");
  if (!HasLeadingZero(text) && !absl::EqualsIgnoreCase(absl::StripAsciiWhitespace(text), printed))
    std::abort();
  return 0;
}
