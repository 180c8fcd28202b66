// A Go string literal becomes the string: what containerd's filters are quoted with.
// Source: The Go Programming Language Specification, "String literals"; filters may use / and | for ".
//
// Pure; safe from any thread. The text is anybody's.
#pragma once

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

// `literal` begins and ends with the same quote; inside, that quote is written with a backslash before it.
// Nothing when it is not well-formed.
std::optional<std::string> GoUnquote(absl::string_view literal);

}  // namespace lacuna
