// The short memory for chunks that failed. Readahead and the kernel's retries ask again and again for such a
// chunk; without it each of them would wait a whole deadline, and the reader for all of them.
//
// Caller: BlobCache, under its mutex. Not thread-safe by itself. Holds only what failed within `memory`.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "daemon/base/clock.h"

namespace lacuna {

class FailedChunks {
 public:
  explicit FailedChunks(Duration memory) : memory_(memory) {}

  // `chunk` failed at `now`, which never goes backwards, because of `reason`.
  void Remember(uint64_t chunk, const absl::Status& reason, TimePoint now);
  // The chunk came after all.
  void Forget(uint64_t chunk) { failures_.erase(chunk); }
  // Why the first of `chunks` failed that is still remembered; OK when none is.
  absl::Status Find(const std::vector<uint64_t>& chunks, TimePoint now);

  size_t size() const { return failures_.size(); }

 private:
  struct Failure {
    absl::Status reason;
    TimePoint until;
  };
  void DropExpired(TimePoint now);

  const Duration memory_;
  std::unordered_map<uint64_t, Failure> failures_;       // by chunk
  std::deque<std::pair<TimePoint, uint64_t>> expiries_;  // (until, chunk), the earliest first
};

}  // namespace lacuna
