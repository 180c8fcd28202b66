#include "daemon/base/real_clock.h"

#include <utility>

namespace lacuna {

RealClock::RealClock() : thread_([this] { Loop(); }) {}

RealClock::~RealClock() {
  Stop();
}

void RealClock::Stop() {
  std::multimap<TimePoint, absl::AnyInvocable<void() &&>> dropped;  // outside the lock: it may own much
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    dropped.swap(due_);
  }
  changed_.NotifyOne();
  if (thread_.joinable()) thread_.join();
}

void RealClock::RunAt(TimePoint when, absl::AnyInvocable<void() &&> callback) {
  bool is_next = false;
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    auto it = due_.emplace(when, std::move(callback));
    is_next = it == due_.begin();
  }
  if (is_next) changed_.NotifyOne();
}

void RealClock::Loop() {
  while (true) {
    absl::AnyInvocable<void() &&> callback;
    {
      MutexLock lock(mutex_);
      while (!stopping_ && (due_.empty() || due_.begin()->first > Now())) {
        if (due_.empty()) {
          changed_.Wait(mutex_);
        } else {
          changed_.WaitUntil(mutex_, TimePoint(due_.begin()->first));
        }
      }
      if (stopping_) return;
      callback = std::move(due_.begin()->second);
      due_.erase(due_.begin());
    }
    std::move(callback)();
  }
}

}  // namespace lacuna
