// How one server lets us in: what it asks for (nothing, a password, a token), and what we have to show.
// Sources: RFC 9110 section 11 for challenges; distribution's docs/spec/auth/token.md for Bearer.
//
// Nothing is shown before the server has asked; what it asks for is remembered, so that only the first
// request costs a round trip more. Caller: Exchange. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "registry/authorization_source.h"
#include "registry/credentials.h"
#include "registry/server_tls.h"
#include "registry/token_request.h"
#include "registry/www_authenticate.h"

namespace lacuna {

class Authenticator : public std::enable_shared_from_this<Authenticator> {
 public:
  using Ready = AuthorizationSource::Ready;
  using LookupDone = absl::AnyInvocable<void(absl::StatusOr<Credentials>) &&>;
  // Finds the credentials as they are now; must not block, and calls back exactly once.
  using Lookup = std::function<void(LookupDone)>;

  // What `client` refers to outlives this. `server` is the one that asks.
  Authenticator(const TokenClient& client, ServerTls server, Lookup lookup);

  // `ready` gets the value of Authorization for a request that needs `scope`; empty while the server asks for
  // nothing. Unauthenticated, and whatever may happen at a token server, when there is none to be had.
  void Authorize(const std::string& scope, Ready ready);

  // The server answered 401 or 403 to a request with `sent` (maybe empty). True when Authorize may have
  // something better now.
  bool Refused(const std::string& scope, const std::string& sent, const HttpResponseHead& head);

 private:
  void Adopt(Challenge challenge, const std::string& scope) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<AuthorizationSource> SourceFor(const std::string& scope)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Fetch(const std::string& scope, AuthorizationSource::Fetched fetched);
  void FetchToken(const Challenge& challenge, std::string scope, Credentials credentials,
                  AuthorizationSource::Fetched fetched);
  void ForgetChallenge();
  absl::Status CheckRealm(absl::string_view realm) const;

  const TokenClient client_;
  const ServerTls server_;
  const Lookup lookup_;

  Mutex mutex_;
  std::optional<Challenge> challenge_ ABSL_GUARDED_BY(mutex_);  // none: it asked for nothing so far
  // What the server wants a token for, where it says so, by the scope that the request needs.
  std::map<std::string, std::string> scopes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::shared_ptr<AuthorizationSource>> sources_ ABSL_GUARDED_BY(mutex_);  // by scope
  // A token server may replace a refresh token when it is used: the one we were given, and its successor.
  std::string given_refresh_token_ ABSL_GUARDED_BY(mutex_);
  std::string next_refresh_token_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
