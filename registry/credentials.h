// How a registry's host knows us.
//
// Values and pure functions; safe from any thread. All of it is secret: never logged, never in an error's
// text.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

struct Credentials {
  // For basic access, or to ask a token server with.
  std::string username;
  std::string password;
  std::string identity_token;  // an OAuth2 refresh token: docker's "identitytoken"
  std::string registry_token;  // a bearer token to be used as it is: docker's "registrytoken"

  // None are known: go without.
  bool empty() const;
  friend bool operator==(const Credentials&, const Credentials&) = default;
};

// "USER[:PASSWORD]"; the password begins after the first colon (RFC 7617).
Credentials ParseUserPassword(absl::string_view user_password);

// The value of Authorization that shows user name and password (RFC 7617).
std::string BasicAuthorization(const Credentials& credentials);

// Whether `token` can stand in an Authorization header: some visible ASCII and nothing else. A line break
// there would begin a header of the token writer's choice.
bool IsBearerToken(absl::string_view token);

}  // namespace lacuna
