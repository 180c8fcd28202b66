// Warnings about one kind of event, at most one a second: a dead registry fails thousands of reads.
//
// Callers: the doors. Thread-safe.
#pragma once

#include <atomic>
#include <chrono>

#include "daemon/base/log.h"

namespace lacuna {

class LogThrottle {
 public:
  // As a warning when the last one is a second ago, else for debugging.
  template <typename... Pieces>
  void Log(const Pieces&... pieces) {
    const LogLevel level = Level();
    if (LogEnabled(level)) LogLine(level, absl::StrCat(pieces...));
  }

 private:
  LogLevel Level() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    auto next = next_.load();
    const auto after = (now + std::chrono::seconds(1)).count();
    const bool warn = now.count() >= next && next_.compare_exchange_strong(next, after);
    return warn ? LogLevel::kWarning : LogLevel::kDebug;
  }

  std::atomic<std::chrono::steady_clock::rep> next_ = 0;  // since the clock's epoch
};

}  // namespace lacuna
