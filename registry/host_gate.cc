#include "registry/host_gate.h"

#include <algorithm>
#include <atomic>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "daemon/base/jitter.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// So much of the rate may be used up at once: a mount begins with a burst.
constexpr std::chrono::seconds kRateBurst(1);
// About how long a probe may take.
constexpr std::chrono::milliseconds kProbeTime(500);

}  // namespace

HostGate::Slot::~Slot() {
  if (gate_ != nullptr) gate_->Release(priority_, probe_);
}

void HostGate::Slot::Succeeded() {
  gate_->OnSuccess();
}

void HostGate::Slot::Failed(Failure failure, std::optional<Duration> retry_after, absl::string_view cause) {
  gate_->OnFailure(RuleOf(failure).penalty, retry_after, cause);
}

HostGate::HostGate(std::string host, Limits limits, Clock& clock)
    : host_(std::move(host)),
      limits_(limits),
      clock_(clock),
      breaker_(limits.penalties_to_rest, limits.longest_rest) {}

std::list<HostGate::Ticket>& HostGate::ReadyOf(Priority priority) {
  return ready_[static_cast<size_t>(priority)];
}

int& HostGate::RunningOf(Priority priority) {
  return priority == Priority::kDemand ? running_demand_ : running_background_;
}

HostGate::Ticket HostGate::NewTicket() {
  static std::atomic<uint64_t> last{0};
  return Ticket(++last);
}

void HostGate::Enter(Ticket ticket, const Wish& wish, Turn turn) {
  {
    MutexLock lock(mutex_);
    Waiter& waiter = waiters_.emplace(ticket, Waiter{wish, std::move(turn), std::nullopt}).first->second;
    if (wish.deadline != TimePoint::max()) deadlines_.emplace(wish.deadline, ticket);
    if (wish.not_before > clock_.Now()) {
      sleepers_.emplace(wish.not_before, ticket);
    } else {
      MakeReady(ticket, waiter);
    }
  }
  Pump();
}

void HostGate::Promote(Ticket ticket, TimePoint deadline) {
  {
    MutexLock lock(mutex_);
    const auto found = waiters_.find(ticket);
    if (found == waiters_.end() || found->second.wish.priority == Priority::kDemand) return;
    Waiter& waiter = found->second;
    deadlines_.erase({waiter.wish.deadline, ticket});
    deadlines_.emplace(deadline, ticket);
    if (waiter.place.has_value()) {
      // Behind the reads that were there before it. The iterator stays valid.
      std::list<Ticket>& demand = ReadyOf(Priority::kDemand);
      demand.splice(demand.end(), ReadyOf(waiter.wish.priority), *waiter.place);
    }
    waiter.wish.deadline = deadline;
    waiter.wish.priority = Priority::kDemand;
  }
  Pump();
}

TimePoint HostGate::UsableFrom() const {
  MutexLock lock(mutex_);
  const TimePoint now = clock_.Now();
  if (!LeftAlone(now)) return std::max(now, pause_until_);
  // Nobody knows when a probe ends; whoever has no other host looks again after a while.
  return std::max({now + Jittered(kProbeTime), breaker_.open_until(), pause_until_});
}

void HostGate::Close(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    closed_ = status;
  }
  Pump();
}

// One thread pumps at a time, and not recursively: a transport that answers at once (a fake, or one that is
// shutting down) would otherwise nest one frame per waiting request.
void HostGate::Pump() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(pumping_, true)) return;
  }
  while (std::optional<Told> told = TakeNext()) std::move(told->turn)(std::move(told->what));
}

std::optional<HostGate::Told> HostGate::TakeNext() {
  MutexLock lock(mutex_);
  const TimePoint now = clock_.Now();
  WakeSleepers(now);
  std::optional<Told> told = NextRefusal(now);
  if (told.has_value()) return told;
  std::optional<Told> start = NextStart(now);
  if (!start.has_value()) {
    ArmTimer(now);
    pumping_ = false;
  }
  return start;
}

std::optional<HostGate::Told> HostGate::NextRefusal(TimePoint now) {
  if (!closed_.ok() && !waiters_.empty()) return Told{TakeOut(waiters_.begin()->first).turn, closed_};
  if (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    return Refuse(deadlines_.begin()->second, absl::DeadlineExceededError("no turn before the deadline"));
  }
  if (!movable_.empty() && (LeftAlone(now) || pause_until_ > now)) {
    return Refuse(*movable_.begin(), absl::UnavailableError("it is being left alone"));
  }
  return std::nullopt;
}

HostGate::Told HostGate::Refuse(Ticket ticket, const absl::Status& why) {
  return {TakeOut(ticket).turn, Annotate(why, host_)};
}

std::optional<HostGate::Told> HostGate::NextStart(TimePoint now) {
  if (StartableFrom(now) > now) return std::nullopt;
  const bool demand_waits = !ReadyOf(Priority::kDemand).empty();
  for (const Priority priority : {Priority::kDemand, Priority::kPrefetch, Priority::kFill}) {
    const bool demand = priority == Priority::kDemand;
    const int limit = demand ? limits_.demand_connections : limits_.prefetch_connections;
    const std::list<Ticket>& ready = ReadyOf(priority);
    if (ready.empty() || (!demand && demand_waits) || RunningOf(priority) >= limit) continue;
    const bool probe = breaker_.wants_probe(now);
    if (probe) breaker_.BeginProbe();
    if (limits_.requests_per_second > 0) rate_mark_ = std::max(rate_mark_, now) + RateInterval();
    ++RunningOf(priority);
    return Told{TakeOut(ready.front()).turn, Slot(shared_from_this(), priority, probe)};
  }
  return std::nullopt;
}

void HostGate::WakeSleepers(TimePoint now) {
  while (!sleepers_.empty() && sleepers_.begin()->first <= now) {
    const Ticket ticket = sleepers_.begin()->second;
    sleepers_.erase(sleepers_.begin());
    MakeReady(ticket, waiters_.at(ticket));
  }
}

void HostGate::MakeReady(Ticket ticket, Waiter& waiter) {
  std::list<Ticket>& ready = ReadyOf(waiter.wish.priority);
  waiter.place = ready.insert(ready.end(), ticket);
  if (waiter.wish.has_alternative) movable_.insert(ticket);
}

HostGate::Waiter HostGate::TakeOut(Ticket ticket) {
  const auto found = waiters_.find(ticket);
  Waiter waiter = std::move(found->second);
  waiters_.erase(found);
  if (waiter.place.has_value()) ReadyOf(waiter.wish.priority).erase(*waiter.place);
  movable_.erase(ticket);
  sleepers_.erase({waiter.wish.not_before, ticket});
  deadlines_.erase({waiter.wish.deadline, ticket});
  return waiter;
}

bool HostGate::LeftAlone(TimePoint now) const {
  return breaker_.state(now) != CircuitBreaker::State::kClosed && !breaker_.wants_probe(now);
}

TimePoint HostGate::StartableFrom(TimePoint now) const {
  // While a probe is under way its end is what counts, and that pumps.
  if (LeftAlone(now) && now >= breaker_.open_until()) return TimePoint::max();
  const TimePoint alone_until = LeftAlone(now) ? breaker_.open_until() : now;
  const bool limited = limits_.requests_per_second > 0 && rate_mark_ != TimePoint::min();
  const TimePoint rate_allows = limited ? rate_mark_ + RateInterval() - kRateBurst : now;
  return std::max({alone_until, pause_until_, rate_allows});
}

Duration HostGate::RateInterval() const {
  return Duration(std::chrono::seconds(1)) / limits_.requests_per_second;
}

void HostGate::ArmTimer(TimePoint now) {
  TimePoint next = TimePoint::max();
  if (!sleepers_.empty()) next = std::min(next, sleepers_.begin()->first);
  if (!deadlines_.empty()) next = std::min(next, deadlines_.begin()->first);
  // Ready ones that wait only for a connection are pumped by whoever gives one back.
  const TimePoint startable = StartableFrom(now);
  if (startable > now && waiters_.size() > sleepers_.size()) next = std::min(next, startable);
  if (next >= timer_) return;
  timer_ = next;
  clock_.RunAt(next, [weak = weak_from_this()] {
    if (const std::shared_ptr<HostGate> gate = weak.lock()) gate->OnTimer();
  });
}

void HostGate::OnTimer() {
  {
    MutexLock lock(mutex_);
    timer_ = TimePoint::max();
  }
  Pump();
}

void HostGate::Release(Priority priority, bool probe) {
  {
    MutexLock lock(mutex_);
    --RunningOf(priority);
    if (probe) breaker_.AbandonProbe();
  }
  Pump();
}

void HostGate::OnSuccess() {
  bool closed = false;
  {
    MutexLock lock(mutex_);
    closed = breaker_.OnSuccess();
  }
  if (!closed) return;
  LogInfo(host_, " answers again");
  Pump();
}

void HostGate::OnFailure(int penalty, std::optional<Duration> retry_after, absl::string_view cause) {
  bool opened = false;
  {
    MutexLock lock(mutex_);
    const TimePoint now = clock_.Now();
    opened = breaker_.OnFailure(penalty, now);
    if (retry_after.has_value()) pause_until_ = std::max(pause_until_, now + *retry_after);
  }
  if (opened) LogWarning(host_, " keeps failing and is left alone for a moment: ", cause);
  Pump();
}

}  // namespace lacuna
