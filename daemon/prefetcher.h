// The fill: brings whole objects behind the readers' backs, a few pieces at a time.
//
// A piece is up to 1 MiB of one object and counts as outstanding until its chunks are stored, so that a slow
// disk bounds the memory in use. Objects are filled front to back, one after the other, and fills in the
// order in which they were asked for. The fetcher's priorities keep all of it behind demand.
//
// Callers: control threads. Thread-safe. Holds no thread: the end of one piece starts the next, on whichever
// thread it ends; callbacks are called from there, never under the lock, and must not block.
#pragma once

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "daemon/blob_cache.h"

namespace lacuna {

class Prefetcher {
 public:
  explicit Prefetcher(int max_pieces = 4);
  // Close(), with Cancelled.
  ~Prefetcher();

  // Brings all of `objects`. `done` is called exactly once, maybe from here: OK when every object is finished
  // (complete, synced, digest checked), else the first error of any, and the fill stops there.
  void Fill(std::vector<std::shared_ptr<BlobCache>> objects, Priority priority, BlobCache::Done done);

  // Starts nothing more, and ends every fill that is under way, and every later one, with `status` (an
  // error). Pieces that were asked for still arrive. Idempotent.
  void Close(const absl::Status& status);

 private:
  class Queue;
  const std::shared_ptr<Queue> queue_;  // callbacks of pieces under way outlive the Prefetcher
};

}  // namespace lacuna
