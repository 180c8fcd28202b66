// Whether a host that keeps failing is asked at all: closed (asked), open (left alone for a while), half-open
// (one request probes it).
//
// A state machine without clock or lock: HostGate drives it.
#pragma once

#include "daemon/base/clock.h"

namespace lacuna {

class CircuitBreaker {
 public:
  enum class State { kClosed, kOpen, kHalfOpen };

  // Opens at so many penalties in a row, for at most `longest_rest` at a time.
  CircuitBreaker(int opens_at, Duration longest_rest) : opens_at_(opens_at), longest_rest_(longest_rest) {}

  // Open until `open_until()`, then half-open.
  State state(TimePoint now) const;
  TimePoint open_until() const { return open_until_; }
  // Half-open, and nobody probes yet: the next request is the probe.
  bool wants_probe(TimePoint now) const { return state(now) == State::kHalfOpen && !probing_; }

  void BeginProbe() { probing_ = true; }
  // The probe ended and says nothing of the host: it was cancelled.
  void AbandonProbe() { probing_ = false; }

  // A request got an answer. True when that closed it.
  bool OnSuccess();
  // A request failed; `penalty` as in RetryRule, 0 changes nothing. True when that opened it.
  bool OnFailure(int penalty, TimePoint now);

 private:
  const int opens_at_;
  const Duration longest_rest_;
  int score_ = 0;     // penalties since the last success
  int openings_ = 0;  // in a row
  bool open_ = false;
  bool probing_ = false;
  TimePoint open_until_;
};

}  // namespace lacuna
