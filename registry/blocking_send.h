// One request to a registry for a thread that may wait: send it, wait, have the whole answer.
//
// Callers: mount and CLI threads, never the transport's, the clock's or a door's. Thread-safe.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "registry/registry.h"
#include "registry/response_collector.h"

namespace lacuna {

// The answer with its 2xx code, which `check`, if there is one, has found to be the one that was wanted.
// ResourceExhausted when its body is longer than `max_body_bytes`, otherwise
// why there is none. Ends soon after the request's deadline.
absl::StatusOr<HttpResponse> BlockingSend(Registry& registry, RegistryRequest request,
                                          uint64_t max_body_bytes, ResponseCollector::Check check = nullptr);

}  // namespace lacuna
