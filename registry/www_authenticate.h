// The WWW-Authenticate header of a 401 answer: how a registry wants to be asked (RFC 9110 section 11.6.1).
//
// Callers: what asks for tokens. The header comes from whoever answers, so reading it is bounded and never
// fails as a whole. Pure; safe from any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lacuna {

struct Challenge {
  std::string scheme;                             // lower case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // names in lower case

  // The value of the parameter `name` (lower case); empty when there is none.
  absl::string_view Find(absl::string_view name) const;
};

// The challenges in the order they stand in, from one header value. Of malformed text it returns what stands
// before the fault; that is also how it treats more than 16 challenges, more than 32 parameters of one
// challenge and a value of more than 8 KiB. Of a parameter given twice the first counts. A token68
// ("Negotiate YII=") is passed over: no scheme that registries use has one.
std::vector<Challenge> ParseWwwAuthenticate(absl::string_view value);

}  // namespace lacuna
