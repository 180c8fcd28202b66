#include "registry/credentials.h"

#include <algorithm>

#include "absl/strings/ascii.h"

namespace lacuna {

bool Credentials::empty() const {
  return *this == Credentials();
}

Credentials ParseUserPassword(absl::string_view user_password) {
  const size_t colon = user_password.find(':');
  Credentials credentials{.username = std::string(user_password.substr(0, colon))};
  if (colon != absl::string_view::npos) credentials.password = std::string(user_password.substr(colon + 1));
  return credentials;
}

bool IsBearerToken(absl::string_view token) {
  return !token.empty() && std::all_of(token.begin(), token.end(), absl::ascii_isgraph);
}

}  // namespace lacuna
