// The pieces that values of HTTP header fields are built of (RFC 9110 section 5.6).
//
// Callers: the parsers of single header fields. Each function takes what it names off the front of `text`;
// when it returns false nothing was taken and `text` is not what was asked for. Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

// token (section 5.6.2), at least one character.
bool ConsumeToken(absl::string_view* text, absl::string_view* token);

// quoted-string (section 5.6.4); `*value` is what the quotes and backslashes stood for. False also for a
// control character within, and when the closing quote is missing.
bool ConsumeQuotedString(absl::string_view* text, std::string* value);

// OWS (section 5.6.3): spaces and tabs, perhaps none.
void SkipOptionalWhitespace(absl::string_view* text);

// What parts the elements of a list (section 5.6.1), which may be empty: commas and optional whitespace.
void SkipListSeparators(absl::string_view* text);

}  // namespace lacuna
