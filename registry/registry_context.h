// What all requests to registries share: made once by a program, before its first Registry.
//
// All that it refers to outlives the registries and their exchanges. Thread-safe.
#pragma once

#include <cstdint>

#include "daemon/base/clock.h"
#include "registry/fetch_counters.h"
#include "registry/host_gates.h"
#include "registry/http_transport.h"

namespace lacuna {

// Of each request. A transfer has stalled when fewer than `stall_bytes` moved within `stall_timeout`.
struct TransferLimits {
  Duration connect_timeout = std::chrono::seconds(5);
  Duration stall_timeout = std::chrono::seconds(10);
  uint64_t stall_bytes = 10 * 1024;
};

struct RegistryContext {
  HttpTransport& transport;
  Clock& clock;
  HostGates& gates;
  FetchCounters& counters;
  TransferLimits limits;
};

}  // namespace lacuna
