// Docker's config.json, and podman's auth.json that is a part of it: which registries are known, and how.
// Source: docker's CLI reference ("Docker CLI configuration file properties", `docker login`), and
// containers-auth.json(5).
//
// Pure functions and values; safe from any thread. The text is secret: an error names a field and a host,
// never what is written there.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/credentials.h"

namespace lacuna {

inline constexpr size_t kMaxDockerConfigBytes = 1024 * 1024;

// Keys are hosts as in references: "docker.io", "ghcr.io", "localhost:5000".
struct DockerConfig {
  std::map<std::string, Credentials> auths;         // none of them empty
  std::string creds_store;                          // the helper for all hosts; empty: none
  std::map<std::string, std::string> cred_helpers;  // host to helper; an empty one: not even creds_store
};

// A key may also be a URL of the registry, "https://HOST[:PORT]" with the path "/", "/v1/" or "/v2/": docker
// writes "https://index.docker.io/v1/" for docker.io. Of several keys for a host the one that docker writes
// counts. Keys with another path are left out (containers-auth.json's credentials for a part of a registry
// would be sent for all of it), and so are unknown fields. InvalidArgument for what is no JSON object of at
// most kMaxDockerConfigBytes, for a field of a wrong type, an entry that cannot be decoded, and a helper
// whose name is none (IsHelperName).
absl::StatusOr<DockerConfig> ParseDockerConfig(absl::string_view json);

// Where to look for a host's credentials: first with `helper`, unless it is empty; `stored` is what the file
// itself has, for when the helper has nothing.
struct CredentialsPlace {
  std::string helper;
  Credentials stored;
};

// In docker's order: the host's own helper, then creds_store, then auths.
CredentialsPlace PlaceFor(const DockerConfig& config, absl::string_view host);

}  // namespace lacuna
