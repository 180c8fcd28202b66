// What lets a request into a registry: the value of its Authorization header.
//
// The seam for tokens (asked for, renewed) beside today's anonymous and basic access. Thread-safe; must not
// block.
#pragma once

#include <memory>
#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

class Authorizer {
 public:
  virtual ~Authorizer() = default;
  // Empty for anonymous access. The value is a secret.
  virtual std::string AuthorizationHeader() const = 0;
};

std::shared_ptr<Authorizer> MakeAnonymous();
// `user_colon_password` is "USER[:PASSWORD]" (RFC 7617).
std::shared_ptr<Authorizer> MakeBasic(absl::string_view user_colon_password);

}  // namespace lacuna
