// Image references as people write them: "debian", "ghcr.io/o/app:v1", "localhost:5000/x@sha256:…".
// Source: the grammar at the head of distribution/reference's reference.go, and its normalize.go for docker's
// short names.
//
// Pure functions and values; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"

namespace lacuna {

struct Reference {
  std::string host;        // "docker.io", "localhost:5000", "[::1]:5000"
  std::string repository;  // "library/debian"
  std::string tag;         // "latest"; empty when only a digest was given
  Digest digest;           // empty when none was given

  // What to ask the registry for: the digest if there is one (it pins more than the tag does), else the tag.
  std::string TagOrDigest() const { return digest.empty() ? tag : digest.ToString(); }
  friend bool operator==(const Reference&, const Reference&) = default;
};

// The canonical form: host, repository, and the tag and digest there are. ParseReference gives the same back.
std::string ToString(const Reference& reference);

// A reference without host is docker.io's, one without path there is in library/, one without tag and digest
// means "latest". InvalidArgument says what is wrong and where.
absl::StatusOr<Reference> ParseReference(absl::string_view text);

// Where the registry is spoken to, "https://HOST[:PORT]". Without TLS for a loopback host, or when asked.
std::string BaseUrl(const Reference& reference, bool plain_http);

// Whether "HOST[:PORT]" names this machine: localhost, 127.0.0.0/8, [::1].
bool IsLoopbackHost(absl::string_view host_and_port);

}  // namespace lacuna
