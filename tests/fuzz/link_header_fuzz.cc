// FindNextLink: a target is one that stands in the header, and links that lead elsewhere do not change it.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "registry/link_header.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<std::string> next = lacuna::FindNextLink(text);
  if (lacuna::FindNextLink(absl::StrCat("</before>; rel=\"prev\"; title=\"a,b\", ", text)) != next)
    std::abort();
  if (!next.has_value()) return 0;
  if (next->empty() || !std::all_of(next->begin(), next->end(), absl::ascii_isgraph)) std::abort();
  const std::string in_brackets = absl::StrCat("<", *next, ">");
  if (!absl::StrContains(text, in_brackets)) std::abort();
  if (lacuna::FindNextLink(in_brackets + ";rel=next") != next) std::abort();
  return 0;
}
