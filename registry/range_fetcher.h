// Ranged GETs of blobs.
//
// Callers: the engine starts fetches from any thread; sinks are called on whichever thread has the bytes,
// never under a lock of the fetcher. Thread-safe. Which server is asked, when, and what follows a failure is
// the Registry's (exchange.h); an attempt asks for what the ones before it have not brought.
//
// Only `206` with the Content-Range that was asked for counts (RFC 9110 sections 14.4 and 15.3.7); of a `200`
// only the wanted part is kept, and it is counted. What an answer must be is in range_transfer.cc.
//
// Errors that sinks see: Unauthenticated, NotFound, Unavailable (connection lost, server failed, body cut
// short), DeadlineExceeded (stalled), IntegrityError (not the range or the blob that was asked for),
// Cancelled.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "daemon/base/byte_range.h"
#include "daemon/base/mutex.h"
#include "registry/fetch_counters.h"
#include "registry/priority.h"
#include "registry/range_sink.h"
#include "registry/remote_blob.h"
#include "registry/retry_policy.h"

namespace lacuna {

enum class FetchId : uint64_t {};

class RangeFetcher {
 public:
  // `counters` outlive the fetches. A demand fetch is as persistent as given; others are tried a few times at
  // most.
  explicit RangeFetcher(FetchCounters& counters, Persistence of_demand = Persistence::kUntilDeadline)
      : counters_(counters), of_demand_(of_demand), running_(std::make_shared<Running>()) {}

  // `range` is not empty and within the blob. `deadline` is of demand only.
  FetchId Fetch(const RemoteBlob& blob, const ByteRange& range, Priority priority, TimePoint deadline,
                std::shared_ptr<RangeSink> sink);
  // A demand read met this fetch: it is demand from now on, until `deadline`. Nothing when it has ended.
  void Promote(FetchId id, TimePoint deadline);

 private:
  // Shared with the transfers: they may outlive the fetcher.
  struct Running {
    Mutex mutex;
    uint64_t last_id ABSL_GUARDED_BY(mutex) = 0;
    std::map<FetchId, std::weak_ptr<Exchange>> exchanges ABSL_GUARDED_BY(mutex);
  };

  FetchCounters& counters_;
  const Persistence of_demand_;
  const std::shared_ptr<Running> running_;
};

}  // namespace lacuna
