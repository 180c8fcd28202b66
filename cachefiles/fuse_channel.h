// The /dev/fuse descriptor of one connection: takes messages from it, and answers each request exactly once.
//
// Callers: FuseSession's thread receives and answers at once; FuseReader answers parked reads later, from any
// thread. Thread-safe, except for Receive (one thread). Shared by all who may still owe an answer; after
// Close they find it closed, and nothing happens.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "daemon/base/mutex.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class FuseChannel {
 public:
  // `device` is non-blocking: /dev/fuse, or in tests one end of a SOCK_SEQPACKET socket pair.
  explicit FuseChannel(UniqueFd device);

  // For poll(2) by the thread that calls Receive. -1 once closed.
  int fd() const { return device_.get(); }

  // Takes one message and returns its size; 0 when none is waiting. An error means that the connection is
  // over.
  absl::StatusOr<size_t> Receive(absl::Span<char> buffer);

  // Answers a request that is not parked. `error` is an errno value; 0 sends `payload`.
  void Reply(uint64_t unique, int error, absl::Span<const char> payload = {});

  // The request will be answered later. False when one of this number is parked already.
  bool Park(uint64_t unique);
  bool IsParked(uint64_t unique) const;
  // Answers it. False when it was answered before, by Close.
  bool ReplyParked(uint64_t unique, int error, absl::Span<const char> payload = {});

  // Runs `action` unless the channel is closed. Close waits for it: what outlives Close may be used in it.
  bool WhileOpen(absl::FunctionRef<void()> action);

  // Answers all that is parked with EIO and closes the device: the kernel fails everything else. Idempotent.
  void Close();

 private:
  bool Unpark(uint64_t unique);
  void Send(uint64_t unique, int error, absl::Span<const char> payload);

  UniqueFd device_;  // closed by the first Close, when nobody uses it any more
  mutable Mutex mutex_;
  CondVar idle_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int users_ ABSL_GUARDED_BY(mutex_) = 0;  // of WhileOpen
  std::unordered_set<uint64_t> parked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
