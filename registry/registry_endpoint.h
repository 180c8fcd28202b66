// One server that answers for a registry host: the registry itself or a mirror of it.
//
// Callers: hosts_config.h makes them, requests are sent to them. A value and a pure function; safe from any
// thread.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"
#include "registry/tls_settings.h"

namespace lacuna {

struct RegistryEndpoint {
  std::string base_url;  // "https://mirror.example:5000/v2", with the API's path, no trailing slash
  bool can_pull = true, can_resolve = true, can_push = true;
  bool is_mirror = false;  // not the registry itself: it is told by "?ns=HOST" whose content is meant
  std::vector<std::pair<std::string, std::string>> headers;  // values may be secrets
  TlsSettings tls;
  std::optional<Duration> dial_timeout;

  friend bool operator==(const RegistryEndpoint&, const RegistryEndpoint&) = default;
};

// The base_url of a server that somebody wrote down as `url`: "[http[s]://]HOST[:PORT][/PATH]". Without
// scheme https is meant, http for this machine. "/v2" is added to a path that does not end in it, unless
// `override_path` says that the path is the API's. docker.io is spoken to where its API is.
// InvalidArgument for everything else, also for a user name, query or fragment, where secrets are: the
// message does not repeat the URL.
absl::StatusOr<std::string> EndpointUrl(absl::string_view url, bool override_path);

}  // namespace lacuna
