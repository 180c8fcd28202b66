#include "registry/field_syntax.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace lacuna {
namespace {

bool IsTokenCharacter(char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("!#$%&'*+-.^_`|~", c);
}

// Text within quotes is anything but control characters; bytes above 127 are obs-text.
bool MayBeQuoted(char c) {
  return c == '\t' || !absl::ascii_iscntrl(c);
}

template <typename Predicate>
absl::string_view TakeWhile(absl::string_view* text, Predicate matches) {
  const auto end = std::find_if_not(text->begin(), text->end(), matches);
  const absl::string_view taken = text->substr(0, end - text->begin());
  text->remove_prefix(taken.size());
  return taken;
}

}  // namespace

bool ConsumeToken(absl::string_view* text, absl::string_view* token) {
  *token = TakeWhile(text, IsTokenCharacter);
  return !token->empty();
}

bool ConsumeQuotedString(absl::string_view* text, std::string* value) {
  absl::string_view rest = *text;
  if (!absl::ConsumePrefix(&rest, "\"")) return false;
  value->clear();
  while (!rest.empty() && rest.front() != '"') {
    absl::ConsumePrefix(&rest, "\\");
    if (rest.empty() || !MayBeQuoted(rest.front())) return false;
    value->push_back(rest.front());
    rest.remove_prefix(1);
  }
  if (!absl::ConsumePrefix(&rest, "\"")) return false;
  *text = rest;
  return true;
}

void SkipOptionalWhitespace(absl::string_view* text) {
  TakeWhile(text, [](char c) { return c == ' ' || c == '\t'; });
}

void SkipListSeparators(absl::string_view* text) {
  TakeWhile(text, [](char c) { return c == ' ' || c == '\t' || c == ','; });
}

}  // namespace lacuna
