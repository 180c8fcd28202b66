// What a token server answers: a bearer token, and for how long it is good.
// Source: distribution's auth/token.md ("Token Response Fields") and auth/oauth.md.
//
// Pure; safe from any thread. The answer is secret: no part of it is in an error's text.
#pragma once

#include <chrono>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"

namespace lacuna {

inline constexpr Duration kDefaultTokenLifetime = std::chrono::seconds(60);  // by token.md
inline constexpr Duration kMinTokenLifetime = std::chrono::seconds(1);
inline constexpr Duration kMaxTokenLifetime = std::chrono::hours(24);

struct TokenAnswer {
  std::string token;  // fit for a header (IsBearerToken)
  Duration lifetime = kDefaultTokenLifetime;
  std::string refresh_token;  // empty when there is none
};

// "token" goes before "access_token". An "expires_in" beyond the bounds above becomes the bound, one that is
// no whole number the default. InvalidArgument for what is no JSON object of at most 1 MiB with a usable
// token.
absl::StatusOr<TokenAnswer> ParseTokenAnswer(absl::string_view json);

}  // namespace lacuna
