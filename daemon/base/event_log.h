// What happened lately, for operators: `lacunactl events`. The newest are kept in memory; each is also a line
// of the log.
//
// Callers: everything that has something to tell. Thread-safe.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"
#include "daemon/base/mutex.h"

namespace lacuna {

struct Event {
  int64_t unix_milliseconds = 0;
  // For programs, and stable: "mounted" and "unmounted" (a directory); "snapshot.unpacked" (a chain ID that
  // could not be served lazily, and why).
  std::string kind;
  std::string subject;  // an image's reference, a directory, an object's key
  std::string text;     // for people
};

class EventLog {
 public:
  static constexpr size_t kKept = 1000;

  void Add(absl::string_view kind, absl::string_view subject, absl::string_view text);

  // Calls `visit` for each that is kept, the oldest first, and with `follow` for each that comes; until
  // `visit` returns false, or, now and then while nothing comes, `cancelled` true. Nothing is skipped unless
  // a visitor is slower than kKept events.
  void Visit(bool follow, absl::FunctionRef<bool(const Event&)> visit, absl::FunctionRef<bool()> cancelled);

 private:
  Mutex mutex_;
  CondVar added_;
  uint64_t first_ ABSL_GUARDED_BY(mutex_) = 0;  // the number of the oldest that is kept
  std::deque<Event> events_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
