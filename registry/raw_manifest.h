// Manifests and indexes as the bytes that they are: what has a digest is passed on and never written anew.
// Source: OCI distribution-spec 1.1, "Pulling manifests".
//
// Callers: copies, pushes and referrers, on threads that may wait. Thread-safe.
#pragma once

#include <string>
#include <variant>

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "registry/manifest.h"
#include "registry/remote_blob.h"

namespace lacuna {

struct RawManifest {
  std::string media_type;
  std::string bytes;

  Digest digest() const { return Digest::Of(bytes); }
};

// A RawManifest, and what it says.
struct ReadManifest {
  RawManifest raw;
  std::variant<Manifest, ImageIndex> document;
};

// Of `bytes` that somebody called `content_type`. InvalidArgument as ParseManifest has it.
absl::StatusOr<ReadManifest> ParseRawManifest(std::string bytes, absl::string_view content_type);

// `bytes` against what a descriptor says of them; IntegrityError when they are something else.
absl::Status CheckBytes(absl::string_view bytes, const Descriptor& descriptor);

// Nothing that is not what its digest says: the one it was asked for by, and the one that the registry
// claims. For a tag the bytes' own digest is the truth. Errors read "HOST: GET manifest REPOSITORY:TAG:
// cause", and are those of RegistryClient.
absl::StatusOr<ReadManifest> GetRawManifest(const Repository& repository, const std::string& tag_or_digest,
                                            TimePoint deadline);
absl::StatusOr<ReadManifest> GetRawManifest(const Repository& repository, const std::string& tag_or_digest);

}  // namespace lacuna
