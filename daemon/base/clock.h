// Tells the time and calls back at a time. The seam that lets deadlines and backoff be tested without
// sleeping: RealClock (real_clock.h) in the daemon, tests/fakes/fake_clock.h in tests.
//
// Thread-safe.
#pragma once

#include <chrono>

#include "absl/functional/any_invocable.h"

namespace lacuna {

// Monotonic; does not jump when somebody sets the wall clock.
using TimePoint = std::chrono::steady_clock::time_point;
using Duration = std::chrono::steady_clock::duration;

class Clock {
 public:
  virtual ~Clock() = default;

  virtual TimePoint Now() const = 0;

  // Calls `callback` once, at `when` or soon after, on the clock's thread. It must not block, and it may call
  // RunAt. Callbacks that are not due when the clock is destroyed are dropped: hold what they touch by
  // weak_ptr.
  virtual void RunAt(TimePoint when, absl::AnyInvocable<void() &&> callback) = 0;
};

}  // namespace lacuna
