#include "registry/www_authenticate.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "registry/field_syntax.h"

namespace lacuna {
namespace {

constexpr size_t kMaxChallenges = 16;
constexpr size_t kMaxParameters = 32;
constexpr size_t kMaxValueBytes = 8 * 1024;

bool IsToken68Character(char c) {
  return absl::ascii_isalnum(c) || absl::StrContains("-._~+/", c);
}

// Takes a token68 (section 11.2) off the front: one that is all there is of its challenge. `realm="x"` is
// none.
void SkipToken68(absl::string_view* text) {
  absl::string_view rest = *text;
  while (!rest.empty() && IsToken68Character(rest.front())) rest.remove_prefix(1);
  while (absl::ConsumePrefix(&rest, "=")) continue;
  SkipOptionalWhitespace(&rest);
  if (rest.empty() || rest.front() == ',') *text = rest;
}

// Takes "NAME" and "=" off the front; false, with nothing taken, for a lone token: that is a scheme.
bool ConsumeName(absl::string_view* text, absl::string_view* name) {
  absl::string_view rest = *text;
  if (!ConsumeToken(&rest, name)) return false;
  SkipOptionalWhitespace(&rest);
  if (!absl::ConsumePrefix(&rest, "=")) return false;
  SkipOptionalWhitespace(&rest);
  *text = rest;
  return true;
}

bool StartsWithParameter(absl::string_view text) {
  absl::string_view name;
  return ConsumeName(&text, &name);
}

bool ConsumeValue(absl::string_view* text, std::string* value) {
  absl::string_view token;
  if (ConsumeToken(text, &token)) {
    *value = std::string(token);
  } else if (!ConsumeQuotedString(text, value)) {
    return false;
  }
  return value->size() <= kMaxValueBytes;
}

// Between two elements of the list stands a comma.
bool ConsumeElementEnd(absl::string_view* text) {
  SkipOptionalWhitespace(text);
  if (!text->empty() && text->front() != ',') return false;
  SkipListSeparators(text);
  return true;
}

// Takes a scheme off the front, with the token68 that may follow it or up to its first parameter. False at a
// fault, also at one behind a challenge that was added.
bool ConsumeScheme(absl::string_view* text, std::vector<Challenge>* challenges) {
  absl::string_view scheme;
  if (challenges->size() == kMaxChallenges || !ConsumeToken(text, &scheme)) return false;
  challenges->push_back({absl::AsciiStrToLower(scheme), {}});
  if (absl::ConsumePrefix(text, " ")) {
    SkipOptionalWhitespace(text);
    SkipToken68(text);
    if (StartsWithParameter(*text)) return true;
  }
  return ConsumeElementEnd(text);
}

// Takes one parameter off the front. False at a fault, also at one behind a parameter that was added.
bool ConsumeParameter(absl::string_view* text, Challenge* challenge) {
  absl::string_view name;
  std::string value;
  if (challenge->parameters.size() == kMaxParameters || !ConsumeName(text, &name) ||
      !ConsumeValue(text, &value)) {
    return false;
  }
  challenge->parameters.emplace(absl::AsciiStrToLower(name), std::move(value));
  return ConsumeElementEnd(text);
}

// Schemes and parameters are elements of one list: a parameter belongs to the scheme before it.
bool ConsumeElement(absl::string_view* text, std::vector<Challenge>* challenges) {
  if (!StartsWithParameter(*text)) return ConsumeScheme(text, challenges);
  return !challenges->empty() && ConsumeParameter(text, &challenges->back());
}

}  // namespace

absl::string_view Challenge::Find(absl::string_view name) const {
  const auto found = parameters.find(std::string(name));
  return found == parameters.end() ? absl::string_view() : found->second;
}

std::vector<Challenge> ParseWwwAuthenticate(absl::string_view value) {
  std::vector<Challenge> challenges;
  SkipListSeparators(&value);
  while (!value.empty() && ConsumeElement(&value, &challenges)) continue;
  return challenges;
}

}  // namespace lacuna
