// The /dev/fuse descriptor of one connection: takes messages from it, and answers each request exactly once.
//
// What it owes stands in the FuseLog, from before it was taken until after it was answered: a successor finds
// it there.
//
// Callers: FuseSession's thread receives and answers at once; FuseReads answers parked reads later, from any
// thread. Thread-safe, except for ReceiveLeft, Receive and Settle (one thread). Shared by all who may still
// owe an answer; after Close they find it closed, and nothing happens.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cachefiles/fuse_log.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class FuseChannel {
 public:
  // `device` is non-blocking: /dev/fuse, or in tests one end of a SOCK_SEQPACKET socket pair. `log` outlives
  // Close.
  FuseChannel(UniqueFd device, FuseLog& log);

  // For poll(2) by the thread that calls Receive. -1 once closed.
  int fd() const { return device_.get(); }

  // First, and once nobody else claims slots of the log any more: the messages that a predecessor took and
  // did not settle, one each call. Its size; 0 when there is no further one. `buffer` holds
  // FuseLog::kMaxMessage bytes, as for Receive.
  size_t ReceiveLeft(absl::Span<char> buffer);
  // Takes one message and returns its size; 0 when none is waiting. An error means that the connection is
  // over.
  absl::StatusOr<size_t> Receive(absl::Span<char> buffer);
  // For how long the message received last was with a predecessor.
  Duration waited() const { return waited_; }
  // The message received last was acted on. After each that was received.
  void Settle();

  // Answers a request that is not parked. `error` is an errno value; 0 sends `payload`.
  void Reply(uint64_t unique, int error, absl::Span<const char> payload = {});

  // The message received last is a request that will be answered later. False when one of this number is
  // parked already.
  bool Park(uint64_t unique);
  bool IsParked(uint64_t unique) const;
  // Answers it. False when it was answered before, by Close.
  bool ReplyParked(uint64_t unique, int error, absl::Span<const char> payload = {});

  // Runs `action` unless the channel is closed. Close waits for it: what outlives Close may be used in it.
  bool WhileOpen(absl::FunctionRef<void()> action);

  // Answers all that is parked with EIO and closes the device: the kernel fails everything else. Idempotent.
  void Close();

 private:
  void FindLeft();
  std::optional<uint32_t> FreeSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<uint32_t> Unpark(uint64_t unique);
  void Release(uint32_t slot);
  void Send(uint64_t unique, int error, absl::Span<const char> payload);

  UniqueFd device_;  // closed by the first Close, when nobody uses it any more
  FuseLog& log_;
  // Of the one thread.
  std::optional<std::vector<uint32_t>> left_;  // slots of a predecessor's, once they were looked for
  std::optional<uint32_t> current_;            // the slot of what was received last; none once it is parked
  Duration waited_ = {};

  mutable Mutex mutex_;
  CondVar idle_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int users_ ABSL_GUARDED_BY(mutex_) = 0;                                  // of WhileOpen
  std::unordered_map<uint64_t, uint32_t> parked_ ABSL_GUARDED_BY(mutex_);  // number to slot
  std::vector<uint32_t> free_slots_
      ABSL_GUARDED_BY(mutex_);  // below next_slot_; the last freed is used first
  uint32_t next_slot_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace lacuna
