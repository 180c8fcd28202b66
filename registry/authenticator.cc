#include "registry/authenticator.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "registry/http_code.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr char kBasic[] = "basic";
constexpr char kBearer[] = "bearer";
constexpr size_t kMaxScopes = 1024;  // one per repository; forgotten ones cost a round trip

// The challenge that we can meet; a token before a password.
std::optional<Challenge> Choose(const HttpResponseHead& head) {
  std::optional<Challenge> chosen;
  for (const auto& [name, value] : head.headers) {
    if (!absl::EqualsIgnoreCase(name, "WWW-Authenticate")) continue;
    for (Challenge& challenge : ParseWwwAuthenticate(value)) {
      const bool bearer = challenge.scheme == kBearer;
      if (bearer || (challenge.scheme == kBasic && !chosen.has_value())) chosen = std::move(challenge);
      if (bearer) return chosen;
    }
  }
  return chosen;
}

absl::StatusOr<Authorization> Basic(const Credentials& credentials, absl::string_view host) {
  if (credentials.username.empty()) {
    return absl::UnauthenticatedError(
        absl::StrCat(host, " wants a user name and a password, and none are known for it"));
  }
  return Authorization{BasicAuthorization(credentials)};
}

}  // namespace

Authenticator::Authenticator(const TokenClient& client, ServerTls server, Lookup lookup)
    : client_(client), server_(std::move(server)), lookup_(std::move(lookup)) {}

void Authenticator::Authorize(const std::string& scope, Ready ready) {
  std::shared_ptr<AuthorizationSource> source;
  {
    MutexLock lock(mutex_);
    if (challenge_.has_value()) source = SourceFor(scope);
  }
  if (source == nullptr) return std::move(ready)(std::string());
  source->Get(std::move(ready));
}

bool Authenticator::Refused(const std::string& scope, const std::string& sent, const HttpResponseHead& head) {
  std::optional<Challenge> challenge = head.status == http_code::kUnauthorized ? Choose(head) : std::nullopt;
  MutexLock lock(mutex_);
  if (challenge.has_value()) Adopt(*std::move(challenge), scope);
  if (!challenge_.has_value()) return false;
  // Some registries say 403 of a token that has expired.
  if (!sent.empty()) SourceFor(scope)->Invalidate(sent);
  return !sent.empty() || head.status == http_code::kUnauthorized;
}

void Authenticator::Adopt(Challenge challenge, const std::string& scope) {
  const bool same = challenge_.has_value() && challenge_->scheme == challenge.scheme &&
                    challenge_->Find("realm") == challenge.Find("realm") &&
                    challenge_->Find("service") == challenge.Find("service");
  if (scopes_.size() >= kMaxScopes) scopes_.clear();
  const std::string wanted(challenge.Find("scope"));
  if (!same || scopes_[scope] != wanted) sources_.erase(scope);
  if (!same) sources_.clear();
  scopes_[scope] = wanted;
  challenge_ = std::move(challenge);
}

std::shared_ptr<AuthorizationSource> Authenticator::SourceFor(const std::string& scope) {
  // A password is the same for everything.
  const std::string key = challenge_->scheme == kBearer ? scope : "";
  if (sources_.size() >= kMaxScopes && !sources_.contains(key)) sources_.clear();
  std::shared_ptr<AuthorizationSource>& source = sources_[key];
  if (source == nullptr) {
    source = std::make_shared<AuthorizationSource>(
        client_.clock, [weak = weak_from_this(), key](AuthorizationSource::Fetched fetched) {
          if (const auto self = weak.lock()) return self->Fetch(key, std::move(fetched));
          std::move(fetched)(absl::CancelledError("the registry is not in use any more"));
        });
  }
  return source;
}

void Authenticator::Fetch(const std::string& scope, AuthorizationSource::Fetched fetched) {
  lookup_([self = shared_from_this(), scope,
           fetched = std::move(fetched)](absl::StatusOr<Credentials> credentials) mutable {
    if (!credentials.ok()) return std::move(fetched)(credentials.status());
    if (!credentials->registry_token.empty()) {
      return std::move(fetched)(Authorization{absl::StrCat("Bearer ", credentials->registry_token)});
    }
    Challenge challenge;
    std::string wanted;
    bool asked = false;
    {
      MutexLock lock(self->mutex_);
      asked = self->challenge_.has_value();
      if (asked) challenge = *self->challenge_;
      const auto found = self->scopes_.find(scope);
      wanted = found == self->scopes_.end() || found->second.empty() ? scope : found->second;
      const bool replaced =
          !self->next_refresh_token_.empty() && credentials->identity_token == self->given_refresh_token_;
      if (replaced) credentials->identity_token = self->next_refresh_token_;
    }
    if (!asked)
      return std::move(fetched)(absl::UnavailableError("the server's question was withdrawn meanwhile"));
    if (challenge.scheme == kBasic) {
      absl::StatusOr<Authorization> basic = Basic(*credentials, UrlHost(self->server_.url()));
      if (!basic.ok()) self->ForgetChallenge();
      return std::move(fetched)(std::move(basic));
    }
    self->FetchToken(challenge, std::move(wanted), *std::move(credentials), std::move(fetched));
  });
}

// It cannot be met: the next request shows nothing again, and the server may have changed its mind.
void Authenticator::ForgetChallenge() {
  MutexLock lock(mutex_);
  challenge_.reset();
  sources_.clear();
}

void Authenticator::FetchToken(const Challenge& challenge, std::string scope, Credentials credentials,
                               AuthorizationSource::Fetched fetched) {
  TokenQuestion question{.realm = std::string(challenge.Find("realm")),
                         .service = std::string(challenge.Find("service")),
                         .scope = std::move(scope),
                         .credentials = std::move(credentials)};
  if (const absl::Status status = CheckRealm(question.realm); !status.ok()) return std::move(fetched)(status);
  question.tls = server_.For(question.realm);
  const std::string used = question.credentials.identity_token;
  RequestToken(client_, question,
               [self = shared_from_this(), used,
                fetched = std::move(fetched)](absl::StatusOr<TokenAnswer> answer) mutable {
                 if (!answer.ok()) return std::move(fetched)(answer.status());
                 if (!used.empty() && !answer->refresh_token.empty()) {
                   MutexLock lock(self->mutex_);
                   if (used != self->next_refresh_token_) self->given_refresh_token_ = used;
                   self->next_refresh_token_ = answer->refresh_token;
                 }
                 std::move(fetched)(Authorization{absl::StrCat("Bearer ", answer->token), answer->lifetime});
               });
}

absl::Status Authenticator::CheckRealm(absl::string_view realm) const {
  const absl::StatusOr<std::string> resolved = ResolveLocation(server_.url(), realm);
  if (resolved.ok() && *resolved == realm) return absl::OkStatus();
  return absl::UnauthenticatedError(
      absl::StrCat(UrlHost(server_.url()), " sends us to a token server whose URL cannot be used",
                   resolved.ok() ? "" : ": ", resolved.ok() ? "" : resolved.status().message()));
}

}  // namespace lacuna
