// The one place where requests to a host wait: for a connection, behind demand, for the request rate, for
// what the host asked for (Retry-After), for a host that fails to come back, and between two attempts.
//
// One per host and port, shared by all that talk to it. Callers: Exchange and the token requests, from any
// thread. Thread-safe. Whoever waits is told on the thread that made room, or the clock's; never under the
// lock.
//
// A demand request starts at once while fewer than `demand_connections` of them run; prefetch and fill start
// only when no demand request waits and fewer than `prefetch_connections` of them run.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "registry/circuit_breaker.h"
#include "registry/priority.h"
#include "registry/retry_policy.h"

namespace lacuna {

class HostGate : public std::enable_shared_from_this<HostGate> {
 public:
  struct Limits {
    int demand_connections = 64;
    int prefetch_connections = 4;
    int requests_per_second = 0;  // 0: as many as there are
    int penalties_to_rest = 4;    // in a row, until the host is left alone for a while (RetryRule)
    // Of that while: well below a reader's deadline, so that a host that came back is noticed in time.
    Duration longest_rest = std::chrono::seconds(3);
  };

  // The right to have one request under way; gives it back when it goes. Moves only.
  class Slot {
   public:
    Slot(Slot&& other) noexcept = default;
    Slot& operator=(Slot&&) = delete;
    ~Slot();

    // How the request went. Said once; a request that was cancelled says nothing.
    void Succeeded();
    // `retry_after` as the host asked for, if it did.
    void Failed(Failure failure, std::optional<Duration> retry_after, absl::string_view cause);

   private:
    friend class HostGate;
    Slot(std::shared_ptr<HostGate> gate, Priority priority, bool probe)
        : gate_(std::move(gate)), priority_(priority), probe_(probe) {}

    std::shared_ptr<HostGate> gate_;
    Priority priority_;
    bool probe_;
  };

  enum class Ticket : uint64_t {};
  // Unavailable: the host is being left alone and the caller said it has another; DeadlineExceeded: no turn
  // came in time; else why the gate closed.
  using Turn = absl::AnyInvocable<void(absl::StatusOr<Slot>) &&>;

  struct Wish {
    Priority priority = Priority::kDemand;
    TimePoint not_before = TimePoint::min();
    TimePoint deadline = TimePoint::max();
    bool has_alternative = false;  // rather told than kept waiting while the host is left alone, or pauses
  };

  // `host` is for messages. `clock` outlives all that waits.
  HostGate(std::string host, Limits limits, Clock& clock);

  const std::string& host() const { return host_; }

  // Names one Enter, of whichever gate.
  static Ticket NewTicket();
  // `turn` is called once, maybe from here.
  void Enter(Ticket ticket, const Wish& wish, Turn turn);
  // Somebody waits for what was a prefetch: it is demand from now on, with that deadline. Nothing when it has
  // not entered, or has had its turn.
  void Promote(Ticket ticket, TimePoint deadline);

  // When the host may be asked, as far as is known now.
  TimePoint UsableFrom() const;

  // Everybody who waits, or comes, is told `status`.
  void Close(const absl::Status& status);

 private:
  struct Waiter {
    Wish wish;
    Turn turn;
    std::optional<std::list<Ticket>::iterator> place;  // in ready_; none while it sleeps
  };
  using Times = std::set<std::pair<TimePoint, Ticket>>;
  struct Told {
    Turn turn;
    absl::StatusOr<Slot> what;
  };

  std::list<Ticket>& ReadyOf(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int& RunningOf(Priority priority) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Tells all that may be told now. Whoever changes something calls it.
  void Pump();
  std::optional<Told> TakeNext();
  std::optional<Told> NextRefusal(TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Told Refuse(Ticket ticket, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::optional<Told> NextStart(TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void WakeSleepers(TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void MakeReady(Ticket ticket, Waiter& waiter) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Waiter TakeOut(Ticket ticket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Left alone: the breaker is open, or waits for what its probe finds.
  bool LeftAlone(TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  TimePoint StartableFrom(TimePoint now) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Between two starts, when there is a rate.
  Duration RateInterval() const;
  void ArmTimer(TimePoint now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnTimer();
  void Release(Priority priority, bool probe);
  void OnSuccess();
  void OnFailure(int penalty, std::optional<Duration> retry_after, absl::string_view cause);

  const std::string host_;
  const Limits limits_;
  Clock& clock_;

  mutable Mutex mutex_;
  std::map<Ticket, Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  std::array<std::list<Ticket>, kPriorities> ready_ ABSL_GUARDED_BY(mutex_);  // whose time has come
  std::set<Ticket> movable_ ABSL_GUARDED_BY(mutex_);  // of the ready: those with an alternative
  Times sleepers_ ABSL_GUARDED_BY(mutex_);            // by not_before
  Times deadlines_ ABSL_GUARDED_BY(mutex_);
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  int running_demand_ ABSL_GUARDED_BY(mutex_) = 0;
  int running_background_ ABSL_GUARDED_BY(mutex_) = 0;  // prefetch and fill
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;        // somebody is in Pump(), and will see what changes
  CircuitBreaker breaker_ ABSL_GUARDED_BY(mutex_);
  TimePoint pause_until_ ABSL_GUARDED_BY(mutex_) = TimePoint::min();  // Retry-After
  TimePoint rate_mark_ ABSL_GUARDED_BY(mutex_) =
      TimePoint::min();  // the starts so far, spread at the rate, end here
  TimePoint timer_ ABSL_GUARDED_BY(mutex_) = TimePoint::max();  // the next call back that is ordered
};

}  // namespace lacuna
