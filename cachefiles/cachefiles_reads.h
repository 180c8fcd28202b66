// The reads that the kernel waits for at the cachefiles door: each is answered once, through its own object's
// descriptor, and its number is forgotten with the answer.
//
// Answered with OK, the kernel looks at its file again and finds the bytes. There is no other answer: an
// error is to answer with the hole still there, which makes EIO of it (KERNEL.md section 1.4). Callers:
// CachefilesSession takes reads; whoever completes them answers them, from any thread, also when the session
// is long gone. Thread-safe. Shared by the session and by each read.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>

#include "cachefiles/cachefiles_device.h"
#include "cachefiles/cachefiles_objects.h"
#include "cachefiles/log_throttle.h"
#include "cachefiles/pending_read.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class CachefilesReads : public std::enable_shared_from_this<CachefilesReads> {
 public:
  explicit CachefilesReads(std::shared_ptr<CachefilesDevice> device) : device_(std::move(device)) {}

  // A number that is parked already was given up by the kernel, which uses it anew: only the new read owns it
  // from here on.
  PendingRead Take(const CachefilesObjectRef& object, uint32_t msg_id, const ByteRange& range);
  // Answers a read that was not taken, without data.
  void Refuse(const CachefilesObject& object, uint32_t msg_id);
  // Answers all reads of an object that is about to be closed, without data.
  void RefuseAll(const CachefilesObject& object);

  // Reads that were completed with an error; those of RefuseAll not counted.
  uint64_t errors_answered() const { return errors_answered_; }
  // Answers that nobody waited for any more: the reader was killed.
  uint64_t late_completions() const { return late_completions_; }

 private:
  using Name = std::pair<ObjectId, uint32_t>;  // the kernel's numbers are compared within an object
  struct Job {
    CachefilesObjectRef object;
    uint32_t msg_id;
    uint64_t ticket;
    ByteRange range;
  };
  void Answer(const Job& job, const absl::Status& status);
  bool Unpark(const Job& job);
  void Complete(int object_fd, uint32_t msg_id);

  const std::shared_ptr<CachefilesDevice> device_;
  std::atomic<uint64_t> errors_answered_ = 0;
  std::atomic<uint64_t> late_completions_ = 0;
  LogThrottle failed_reads_;
  LogThrottle failed_answers_;

  Mutex mutex_;
  uint64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<Name, uint64_t> parked_ ABSL_GUARDED_BY(mutex_);  // to the ticket of its owner
};

}  // namespace lacuna
