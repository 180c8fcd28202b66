// The reads that the kernel waits for on one FUSE connection: from READ to the bytes in the reply.
//
// A READ becomes a PendingRead. Completed with OK, the worker pool reads the bytes from the backing file and
// replies; completed with an error, or dropped, it is answered with EIO at once.
// Callers: FuseSession takes reads; whoever completes them answers them, from any thread, also when the
// session is long gone. Thread-safe. Shared by the session and by each read.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "cachefiles/fuse_channel.h"
#include "cachefiles/fuse_objects.h"
#include "cachefiles/log_throttle.h"
#include "cachefiles/pending_read.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

class FuseReads : public std::enable_shared_from_this<FuseReads> {
 public:
  // `pool` outlives `channel`'s Close, not necessarily this.
  FuseReads(std::shared_ptr<FuseChannel> channel, WorkerPool& pool);

  // `range` lies within the object. The request is parked in the channel already. `waited` as PendingRead has
  // it.
  PendingRead Take(uint64_t unique, FuseObjectRef object, const ByteRange& range, Duration waited);

  // Reads that ended with EIO, those of Stop not counted.
  uint64_t errors_answered() const { return errors_answered_; }

 private:
  struct Job {
    uint64_t unique;
    FuseObjectRef object;
    ByteRange range;
  };
  void Answer(Job job, const absl::Status& status);
  void ReplyFromFile(const Job& job);
  void Fail(const Job& job, const absl::Status& status);

  const std::shared_ptr<FuseChannel> channel_;
  WorkerPool& pool_;  // used only while the channel is open
  std::atomic<uint64_t> errors_answered_ = 0;
  LogThrottle warnings_;
};

}  // namespace lacuna
