#include "registry/authorizer.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

class FixedAuthorizer : public Authorizer {
 public:
  explicit FixedAuthorizer(std::string value) : value_(std::move(value)) {}
  std::string AuthorizationHeader() const override { return value_; }

 private:
  const std::string value_;
};

}  // namespace

std::shared_ptr<Authorizer> MakeAnonymous() {
  return std::make_shared<FixedAuthorizer>("");
}

std::shared_ptr<Authorizer> MakeBasic(absl::string_view user_colon_password) {
  const bool has_colon = absl::StrContains(user_colon_password, ":");
  return std::make_shared<FixedAuthorizer>(
      absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user_colon_password, has_colon ? "" : ":"))));
}

}  // namespace lacuna
