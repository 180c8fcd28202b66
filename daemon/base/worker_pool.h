// A fixed number of threads that run closures in the order given: disk writes, digests, replies to the
// kernel.
//
// Callers: doors and the engine. Thread-safe. Closures may block on the local disk, never on the network, and
// never on another closure of the same pool.
#pragma once

#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class WorkerPool {
 public:
  explicit WorkerPool(int threads);
  // Runs everything that was submitted, then joins.
  ~WorkerPool();

  void Submit(absl::AnyInvocable<void() &&> task);

 private:
  void Loop();

  Mutex mutex_;
  CondVar changed_;
  std::deque<absl::AnyInvocable<void() &&>> tasks_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;  // last: they use the members above
};

}  // namespace lacuna
