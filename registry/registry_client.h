// What a registry is asked before anything is fetched lazily: manifests, and small blobs whole. Nothing comes
// back that is not what its digest says.
//
// Callers: mount and CLI threads; calls block, at most for `total_timeout`. Thread-safe.
//
// Errors read "HOST: GET manifest REPOSITORY:TAG: cause": NotFound, Unauthenticated, Unavailable,
// DeadlineExceeded, IntegrityError (bytes that are not what their digest or size says), InvalidArgument (a
// manifest that cannot be read).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "registry/manifest.h"
#include "registry/reference.h"
#include "registry/remote_blob.h"

namespace lacuna {

struct ResolvedImage {
  Digest manifest_digest;
  Manifest manifest;
  std::vector<Descriptor> bound_artifacts;  // in the indexes on the way to it (index_artifact.h)
};

class RegistryClient {
 public:
  // `total_timeout` is of one call, however many requests it makes.
  explicit RegistryClient(Duration total_timeout = std::chrono::seconds(60))
      : total_timeout_(total_timeout) {}

  // The image that `reference` means now: its digest if it has one, else its tag; through an index, the one
  // for `platform`.
  absl::StatusOr<ResolvedImage> Resolve(const Repository& repository, const Reference& reference,
                                        const Platform& platform);

  // A small blob whole, such as a config. InvalidArgument when it is larger than `max_bytes`.
  absl::StatusOr<std::string> ReadBlob(const RemoteBlob& blob, uint64_t max_bytes);

 private:
  absl::StatusOr<std::string> GetBlob(const RemoteBlob& blob, TimePoint deadline);
  TimePoint DeadlineAt(const Registry& registry) const;

  const Duration total_timeout_;
};

}  // namespace lacuna
