// The Clock of the running daemon: steady_clock, and one thread that sleeps until the next callback is due.
//
// Thread-safe. Callbacks that are not due when it is stopped or destroyed are dropped.
#pragma once

#include <map>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class RealClock : public Clock {
 public:
  RealClock();
  ~RealClock() override;

  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
  // Nothing is called back any more once this has returned, so that what callbacks use may go. Idempotent.
  // Not from a callback.
  void Stop();

  void RunAt(TimePoint when, absl::AnyInvocable<void() &&> callback) override;

 private:
  void Loop();

  Mutex mutex_;
  CondVar changed_;
  std::multimap<TimePoint, absl::AnyInvocable<void() &&>> due_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the members above
};

}  // namespace lacuna
