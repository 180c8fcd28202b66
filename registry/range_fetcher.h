// Ranged GETs of blobs, demand before prefetch, over one HttpTransport.
//
// Callers: the engine starts fetches from any thread; sinks are called on the transport's thread.
// Thread-safe. A demand fetch starts at once while fewer than `demand_connections` run; prefetch and fill
// start only when no demand fetch waits and fewer than `prefetch_connections` of them run. Only `206` with
// the Content-Range that was asked for counts (RFC 9110 sections 14.4 and 15.3.7); of a `200` only the wanted
// part is kept, and it is counted.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>

#include "daemon/base/byte_range.h"
#include "daemon/base/mutex.h"
#include "registry/fetch_stats.h"
#include "registry/http_transport.h"
#include "registry/range_sink.h"
#include "registry/remote_blob.h"

namespace lacuna {

enum class Priority { kDemand, kPrefetch, kFill };

enum class FetchId : uint64_t {};

class RangeFetcher {
 public:
  struct Limits {
    int demand_connections = 64;
    int prefetch_connections = 4;
    Duration connect_timeout = std::chrono::seconds(10);
    Duration stall_timeout = std::chrono::seconds(30);
  };

  RangeFetcher(HttpTransport& transport, Limits limits);
  // Fails what still waits with Cancelled. The transport must be gone or idle by then.
  ~RangeFetcher();

  // `range` is not empty and within the blob.
  FetchId Fetch(const RemoteBlob& blob, const ByteRange& range, Priority priority,
                std::shared_ptr<RangeSink> sink);
  // A demand read met this fetch: it is demand from now on. Does nothing when the fetch has started or ended.
  void Promote(FetchId id);

  FetchStats stats() const;
};

}  // namespace lacuna
