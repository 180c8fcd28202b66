// A Clock that stands still until a test moves it. Callbacks run inside Advance, on the test's thread.
#pragma once

#include <map>

#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class FakeClock : public Clock {
 public:
  TimePoint Now() const override {
    MutexLock lock(mutex_);
    return now_;
  }

  void RunAt(TimePoint when, absl::AnyInvocable<void() &&> callback) override {
    MutexLock lock(mutex_);
    due_.emplace(when, std::move(callback));
  }

  // Moves time on, stopping at each callback that comes due on the way.
  void Advance(Duration by) {
    const TimePoint target = Now() + by;
    while (absl::AnyInvocable<void()&&> callback = TakeDue(target)) std::move(callback)();
    MutexLock lock(mutex_);
    now_ = target;
  }

 private:
  absl::AnyInvocable<void() &&> TakeDue(TimePoint target) {
    MutexLock lock(mutex_);
    if (due_.empty() || due_.begin()->first > target) return nullptr;
    now_ = std::max(now_, due_.begin()->first);
    absl::AnyInvocable<void()&&> callback = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    return callback;
  }

  mutable Mutex mutex_;
  TimePoint now_ ABSL_GUARDED_BY(mutex_) = TimePoint(std::chrono::hours(1));
  std::multimap<TimePoint, absl::AnyInvocable<void() &&>> due_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
