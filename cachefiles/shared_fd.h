// A descriptor that several threads use and one closes: it goes when its last user is done.
//
// Callers: the cachefiles door, for the device and each object's descriptor. Thread-safe.
#pragma once

#include <chrono>

#include "absl/functional/function_ref.h"
#include "daemon/base/mutex.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class SharedFd {
 public:
  explicit SharedFd(UniqueFd fd);

  // Runs `action` with the descriptor, which stays open meanwhile. False, and nothing happens, once Close was
  // called.
  bool WhileOpen(absl::FunctionRef<void(int fd)> action);
  // No action begins after this. Does not wait for those that run.
  void Close();
  bool closing() const;
  // To be called after Close. False when an action still runs at `deadline`.
  bool WaitUntilClosed(std::chrono::steady_clock::time_point deadline);

 private:
  mutable Mutex mutex_;
  CondVar closed_;
  UniqueFd fd_ ABSL_GUARDED_BY(mutex_);
  bool closing_ ABSL_GUARDED_BY(mutex_) = false;
  int users_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace lacuna
