#include "daemon/base/event_log.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "daemon/base/log.h"

namespace lacuna {
namespace {

constexpr std::chrono::milliseconds kLookInterval(100);  // for whether somebody still listens

}  // namespace

void EventLog::Add(absl::string_view kind, absl::string_view subject, absl::string_view text) {
  LogInfo(kind, " ", subject, ": ", text);
  MutexLock lock(mutex_);
  events_.push_back(
      {absl::ToUnixMillis(absl::Now()), std::string(kind), std::string(subject), std::string(text)});
  if (events_.size() > kKept) {
    events_.pop_front();
    ++first_;
  }
  added_.NotifyAll();
}

void EventLog::Visit(bool follow, absl::FunctionRef<bool(const Event&)> visit,
                     absl::FunctionRef<bool()> cancelled) {
  uint64_t next = 0;
  while (true) {
    Event event;
    {
      MutexLock lock(mutex_);
      next = std::max(next, first_);
      while (next == first_ + events_.size()) {
        if (!follow || cancelled()) return;
        added_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kLookInterval);
        next = std::max(next, first_);
      }
      event = events_[next - first_];
      ++next;
    }
    if (!visit(event)) return;
  }
}

}  // namespace lacuna
