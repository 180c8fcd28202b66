#include "registry/link_header.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "registry/field_syntax.h"

namespace lacuna {
namespace {

// Takes "<URI-Reference>" off the front. A URI has no spaces and nothing but ASCII.
bool ConsumeTarget(absl::string_view* text, absl::string_view* target) {
  if (!absl::ConsumePrefix(text, "<")) return false;
  *target = text->substr(0, text->find('>'));
  text->remove_prefix(target->size());
  return absl::ConsumePrefix(text, ">") && std::all_of(target->begin(), target->end(), absl::ascii_isgraph);
}

// Takes `; NAME[=VALUE]` off the front, of which NAME may be missing (section 3: recipients are to be
// lenient).
bool ConsumeParameter(absl::string_view* text, absl::string_view* name, std::string* value) {
  if (!absl::ConsumePrefix(text, ";")) return false;
  value->clear();
  SkipOptionalWhitespace(text);
  if (!ConsumeToken(text, name)) return true;
  SkipOptionalWhitespace(text);
  if (!absl::ConsumePrefix(text, "=")) return true;
  SkipOptionalWhitespace(text);
  absl::string_view token;
  if (!ConsumeToken(text, &token)) return ConsumeQuotedString(text, value);
  *value = std::string(token);
  return true;
}

bool HoldsNext(absl::string_view relations) {
  const std::vector<absl::string_view> types = absl::StrSplit(relations, ' ');
  return std::any_of(types.begin(), types.end(),
                     [](absl::string_view type) { return absl::EqualsIgnoreCase(type, "next"); });
}

// Takes one link off the front; false at a fault. Of several `rel` the first counts (section 3.3).
bool ConsumeLink(absl::string_view* text, absl::string_view* target, bool* is_next) {
  *is_next = false;
  if (!ConsumeTarget(text, target)) return false;
  bool has_relations = false;
  for (SkipOptionalWhitespace(text); absl::StartsWith(*text, ";"); SkipOptionalWhitespace(text)) {
    absl::string_view name;
    std::string value;
    if (!ConsumeParameter(text, &name, &value)) return false;
    if (has_relations || !absl::EqualsIgnoreCase(name, "rel")) continue;
    has_relations = true;
    *is_next = HoldsNext(value);
  }
  return text->empty() || text->front() == ',';
}

}  // namespace

std::optional<std::string> FindNextLink(absl::string_view value) {
  SkipListSeparators(&value);
  while (!value.empty()) {
    absl::string_view target;
    bool is_next = false;
    if (!ConsumeLink(&value, &target, &is_next)) return std::nullopt;
    if (is_next && !target.empty()) return std::string(target);
    SkipListSeparators(&value);
  }
  return std::nullopt;
}

}  // namespace lacuna
