// Ctrl-C and SIGTERM as a call on a thread of its own, where more than a signal handler may do is allowed.
//
// Used by main. Only one watcher at a time.
#pragma once

#include <signal.h>

#include <atomic>
#include <functional>
#include <thread>

#include "daemon/base/unique_fd.h"

namespace lacuna {

// Keeps SIGINT and SIGTERM pending, for this thread and all that it makes later. Call it before gRPC makes
// its threads. A signal that the parent told us to ignore (nohup, a background job) stays ignored.
sigset_t HoldInterrupts();

class InterruptWatcher {
 public:
  // Calls `on_interrupt` for the first of the `held` signals, once. A second one ends the process: the first
  // did not help.
  InterruptWatcher(const sigset_t& held, std::function<void()> on_interrupt);
  ~InterruptWatcher();

  bool interrupted() const { return interrupted_; }

 private:
  void Loop();

  const std::function<void()> on_interrupt_;
  const UniqueFd signals_;
  const UniqueFd stop_event_;
  std::atomic<bool> interrupted_ = false;
  std::thread thread_;  // last: it uses the members above
};

}  // namespace lacuna
