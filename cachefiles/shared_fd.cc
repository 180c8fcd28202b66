#include "cachefiles/shared_fd.h"

#include <utility>

namespace lacuna {

SharedFd::SharedFd(UniqueFd fd) : fd_(std::move(fd)) {}

bool SharedFd::WhileOpen(absl::FunctionRef<void(int fd)> action) {
  int fd;
  {
    MutexLock lock(mutex_);
    if (closing_) return false;
    ++users_;
    fd = fd_.get();
  }
  action(fd);
  MutexLock lock(mutex_);
  if (--users_ == 0 && closing_) {
    fd_.Reset();
    closed_.NotifyAll();
  }
  return true;
}

void SharedFd::Close() {
  MutexLock lock(mutex_);
  closing_ = true;
  if (users_ == 0) fd_.Reset();
}

bool SharedFd::closing() const {
  MutexLock lock(mutex_);
  return closing_;
}

bool SharedFd::WaitUntilClosed(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mutex_);
  while (users_ > 0 && closed_.WaitUntil(mutex_, deadline)) continue;
  return users_ == 0;
}

}  // namespace lacuna
