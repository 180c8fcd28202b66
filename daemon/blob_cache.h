// One object of the cache: answers the kernel's reads from the backing file, and turns what is missing into
// fetches.
//
// The miss path (DESIGN.md section 4): OnRead — hit, else park; join flights; plan; launch. Bytes arrive at a
// Flight, are stored chunk by chunk on the worker pool, and MarkPresent answers each parked read as soon as
// its own chunks are there.
//
// Callers: doors (through ObjectTable) call OnRead and must never block here: no disk, no network under the
// lock. Everything is thread-safe. Shared: flights and worker tasks keep the object alive.
#pragma once

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "cachefiles/pending_read.h"
#include "daemon/base/clock.h"
#include "daemon/base/worker_pool.h"
#include "daemon/object_store.h"
#include "registry/range_fetcher.h"

namespace lacuna {

class BlobCache : public std::enable_shared_from_this<BlobCache> {
 public:
  // kFilling: chunks may be missing. kFinished: complete, synced, digest checked, under its final name.
  // kFailed: the disk failed or the bytes were not the blob's; every read is answered with the reason.
  enum class State { kFilling, kFinished, kFailed };

  struct Options {
    Duration read_deadline = std::chrono::seconds(30);   // as seen by the reader
    Duration failure_memory = std::chrono::seconds(2);   // how long a chunk that failed is answered at once
    Duration commit_interval = std::chrono::seconds(1);  // group commit of the chunk map
  };

  // What an object works with; all outlive it.
  struct Context {
    RangeFetcher& fetcher;
    ObjectStore& store;
    WorkerPool& pool;
    Clock& clock;
    Options options;
  };

  static std::shared_ptr<BlobCache> Create(Context context, ObjectKey key, RemoteBlob blob,
                                           StoredObject stored);

  // Answers `read` when all its chunks are here, at once or later, or with an error by the read deadline.
  void OnRead(PendingRead read);

  // Brings `range` without a deadline. `done` is called exactly once, maybe from here.
  void Prefetch(const ByteRange& range, Priority priority,
                absl::AnyInvocable<void(const absl::Status&) &&> done);

  // Calls `done` when the object is finished (OK) or has failed. Completion is detected whoever brought the
  // last chunk.
  void WhenFinished(absl::AnyInvocable<void(const absl::Status&) &&> done);

  // Answers all that is parked with `status`, and every later read too; commits the chunk map. May block on
  // the disk.
  void Close(const absl::Status& status);
};

}  // namespace lacuna
