// Ranged GETs of blobs, demand before prefetch, over one HttpTransport.
//
// Callers: the engine starts fetches from any thread; sinks are called on the transport's thread, never under
// a lock of the fetcher. Thread-safe. A demand fetch starts at once while fewer than `demand_connections`
// run; prefetch and fill start only when no demand fetch waits and fewer than `prefetch_connections` of them
// run. Only `206` with the Content-Range that was asked for counts (RFC 9110 sections 14.4 and 15.3.7); of a
// `200` only the wanted part is kept, and it is counted. What an answer must be is in range_transfer.cc.
//
// Errors that sinks see: Unauthenticated, NotFound, Unavailable (connection lost, server failed, body cut
// short) and DeadlineExceeded (stalled), both worth another try, IntegrityError (not the range or the blob
// that was asked for), Cancelled.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>

#include "daemon/base/byte_range.h"
#include "daemon/base/mutex.h"
#include "registry/fetch_counters.h"
#include "registry/fetch_stats.h"
#include "registry/http_transport.h"
#include "registry/priority.h"
#include "registry/range_sink.h"
#include "registry/range_transfer.h"
#include "registry/remote_blob.h"

namespace lacuna {

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

  FetchStats stats() const { return counters_.stats(); }

 private:
  struct Waiting {
    FetchId id;
    RangeRequest request;
  };
  using Queue = std::list<Waiting>;  // a list, so that Promote can splice

  Queue& QueueOf(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int& RunningOf(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Starts all that may run now. Whoever makes room or adds a fetch calls it.
  void Pump();
  std::optional<RangeRequest> TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Start(RangeRequest request);
  void OnEnd(Priority priority);

  HttpTransport& transport_;
  const Limits limits_;
  FetchCounters counters_;

  Mutex mutex_;
  std::array<Queue, kPriorities> queues_ ABSL_GUARDED_BY(mutex_);
  std::map<FetchId, Queue::iterator> waiting_ ABSL_GUARDED_BY(mutex_);  // all that is in queues_
  uint64_t last_id_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_demand_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_background_ ABSL_GUARDED_BY(mutex_) = 0;  // prefetch and fill
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;        // somebody is in Pump(), and will see what changes
};

}  // namespace lacuna
