#include "registry/credentials.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

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

std::string BasicAuthorization(const Credentials& credentials) {
  return absl::StrCat("Basic ",
                      absl::Base64Escape(absl::StrCat(credentials.username, ":", credentials.password)));
}

}  // namespace lacuna
