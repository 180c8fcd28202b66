// One request of a push: sent, waited for, and its answer judged.
//
// Callers: ImagePusher and BlobUpload, on threads that may wait. Thread-safe.
#pragma once

#include <initializer_list>

#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "registry/http_transport.h"

namespace lacuna {

struct PushLimits {
  // A blob up to this size goes as one request, a larger one in chunks: proxies in front of registries refuse
  // large bodies, and some registries know no chunks.
  uint64_t monolithic_bytes = 64 << 20;
  uint64_t chunk_bytes = 32 << 20;
  Duration connect_timeout = std::chrono::seconds(10);
  // A registry may copy a large blob before it answers, without a byte on the wire.
  Duration stall_timeout = std::chrono::minutes(5);
  // A request must be over within this and what its body takes at `slowest_bytes_per_second`.
  Duration request_timeout = std::chrono::minutes(10);
  uint64_t slowest_bytes_per_second = 16 * 1024;
};

// The head of an answer with one of the codes `expected`; for any other what it means, with what the registry
// said about it. IntegrityError when it got bytes of another digest than announced.
absl::StatusOr<HttpResponseHead> SendPushRequest(HttpTransport& transport, HttpRequest request,
                                                 std::initializer_list<int> expected,
                                                 const PushLimits& limits);

}  // namespace lacuna
