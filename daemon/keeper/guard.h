// What keeps readers from waiting for ever when no worker answers them: a thread that watches the worker's
// sign of life, and answers with an error what is owed for longer than the read deadline.
//
//   watching   a worker holds the Lifeline. It died, stands still (no beats), or let go: the supervisor is
//   told alone      nobody does. What was taken and is overdue gets EIO; after a whole deadline alone, the
//   requests
//              that wait in the device do too, as they come, until a worker holds the Lifeline again
//
// The thread is sealed (seccomp): it can answer, and nothing else. It does not allocate, log, or touch a
// disk. Callers: the supervisor makes one, and asks for news. Thread-safe.
#pragma once

#include <atomic>
#include <thread>

#include "daemon/base/clock.h"
#include "daemon/base/unique_fd.h"
#include "daemon/keeper/kept_table.h"
#include "daemon/keeper/memory.h"

namespace lacuna {

class Guard {
 public:
  enum class News { kNone, kWorkerDied, kWorkerStandsStill };

  // Both outlive the process: the thread ends with it.
  Guard(KeeperMemory& memory, KeptTable& kept);

  // Begins, on a thread of its own that does nothing but Step. False when the system cannot.
  bool Start();
  // Looks once, and answers what is to be answered; takes a moment.
  void Step() { watching_ ? Watch() : Alone(); }
  // Readable when there is news.
  int news_fd() const { return news_fd_.get(); }
  News TakeNews();

 private:
  // A new worker does not wait for a guard that cannot get to an end.
  static constexpr int kMostAtOnce = 4096;

  // How long a worker may stand still.
  Duration Patience() const;
  Duration ReadDeadline() const;

  void Watch();
  bool StandsStill();
  void Alone();
  void Tell(News news);

  // Answers what was taken `deadline` ago or earlier, and not answered since (guard_fuse.cc).
  void FailOverdueFuse(Duration deadline);
  // Answers what waits in the devices.
  void FailWaitingFuse(int device);
  void FailWaitingCachefiles(int device);
  void FailCachefiles(int device, absl::Span<const char> message);

  KeeperMemory& memory_;
  KeptTable& kept_;
  Lifeline lifeline_{memory_.lifeline};
  FuseLog fuse_log_{memory_.fuse_log};
  const UniqueFd news_fd_;
  std::atomic<News> news_ = News::kNone;

  // Of the thread.
  bool watching_ = false;
  TimePoint alone_since_;
  bool restored_ = false;  // cachefiles gives what the worker took once more
  uint64_t door_beats_ = 0;
  uint64_t clock_beats_ = 0;
  int still_ticks_ = 0;
};

}  // namespace lacuna
