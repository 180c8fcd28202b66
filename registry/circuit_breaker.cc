#include "registry/circuit_breaker.h"

#include <algorithm>
#include <utility>

#include "daemon/base/jitter.h"

namespace lacuna {
namespace {

constexpr std::chrono::seconds kFirstRest(1);
constexpr int kDoublings = 8;

}  // namespace

CircuitBreaker::State CircuitBreaker::state(TimePoint now) const {
  if (!open_) return State::kClosed;
  return now < open_until_ ? State::kOpen : State::kHalfOpen;
}

bool CircuitBreaker::OnSuccess() {
  score_ = 0;
  openings_ = 0;
  probing_ = false;
  return std::exchange(open_, false);
}

bool CircuitBreaker::OnFailure(int penalty, TimePoint now) {
  if (penalty == 0) return false;
  score_ += penalty;
  const State before = state(now);
  // What was under way when it opened says nothing new.
  if (before == State::kOpen) return false;
  if (before == State::kClosed && score_ < opens_at_) return false;
  open_ = true;
  probing_ = false;
  const Duration rest = kFirstRest * (1 << std::min(openings_++, kDoublings));
  open_until_ = now + Jittered(std::min(longest_rest_, rest));
  return before == State::kClosed;
}

}  // namespace lacuna
