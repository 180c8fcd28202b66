// What pushes are made of: one request, sent, waited for, and its answer judged.
//
// Callers: ImagePusher, BlobUpload and Referrers, on threads that may wait. Thread-safe.
#pragma once

#include <functional>
#include <initializer_list>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "registry/raw_manifest.h"
#include "registry/registry_request.h"
#include "registry/remote_blob.h"

namespace lacuna {

struct PushLimits {
  // A blob up to this size goes as one request, a larger one in chunks: proxies in front of registries refuse
  // large bodies, and some registries know no chunks.
  uint64_t monolithic_bytes = 64 << 20;
  uint64_t chunk_bytes = 32 << 20;
  // How often an upload may fail without coming any further, and how many sessions it may take.
  int breaks = 5;
  int sessions = 3;
  // A registry may copy a large blob before it answers, without a byte on the wire.
  Duration stall_timeout = std::chrono::minutes(5);
  // A request must be over within this and what its body takes at `slowest_bytes_per_second`.
  Duration request_timeout = std::chrono::minutes(10);
  uint64_t slowest_bytes_per_second = 16 * 1024;
};

// Sends `request`, of which capability, deadline and limits are set here, and the scope unless it has one.
// The head of an answer with one of the codes `expected`; for any other what it means, with what the registry
// said about it. IntegrityError when it got bytes of another digest than announced.
absl::StatusOr<HttpResponseHead> SendPushRequest(const Repository& repository, RegistryRequest request,
                                                 std::initializer_list<int> expected,
                                                 const PushLimits& limits);

// Returns after about so long: what happens between two attempts.
using Sleep = std::function<void(Duration)>;

// Puts a manifest where a tag or its digest says. IntegrityError when the registry says that it stored
// something else.
absl::StatusOr<HttpResponseHead> PutManifest(const Repository& repository, const std::string& tag_or_digest,
                                             const RawManifest& manifest, const PushLimits& limits,
                                             const Sleep& sleep);
void SleepFor(Duration duration);

}  // namespace lacuna
