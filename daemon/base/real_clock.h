// The Clock of the running daemon: steady_clock, and one thread that sleeps until the next callback is due.
//
// Thread-safe. The destructor joins the thread; callbacks that are not due are dropped.
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
