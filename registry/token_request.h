// Asks a token server for a bearer token.
// Sources: distribution's docs/spec/auth/token.md (GET) and oauth.md (POST with a refresh token).
//
// Caller: Authenticator. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "registry/credentials.h"
#include "registry/host_gates.h"
#include "registry/http_transport.h"
#include "registry/token_answer.h"

namespace lacuna {

// What it takes to reach a token server; all outlive the request.
struct TokenClient {
  HttpTransport& transport;
  HostGates& gates;
  Clock& clock;
  Duration connect_timeout = std::chrono::seconds(5);
  Duration stall_timeout = std::chrono::seconds(10);
  Duration time_limit = std::chrono::seconds(20);
};

struct TokenQuestion {
  std::string realm;    // the token server's URL
  std::string service;  // whom the token is for
  std::string scope;    // what it must allow
  Credentials credentials;
  std::shared_ptr<const TlsSettings> tls;
};

using TokenDone = absl::AnyInvocable<void(absl::StatusOr<TokenAnswer>) &&>;

// `done` is called once, maybe from here. An identity token is sent by POST, user and password (or nobody's)
// by GET. Unauthenticated when the server refuses; no redirect is followed.
void RequestToken(const TokenClient& client, const TokenQuestion& question, TokenDone done);

}  // namespace lacuna
