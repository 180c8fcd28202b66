// From one version of lacunad to the next, without a failed read: what lies at the programs' paths now takes
// the place of what runs.
//
//   checking   the new keeper says whether it could take over from this one
//   trial      a worker of the new version has replaced the old one, and has to be ready soon, and to stay so
//   done       the keeper, if it is another file, executes the new one in its place
//   rolled back   from either: the old worker's program, which was held open, goes on
//
// Caller: the supervisor, on its thread. Does not allocate.
#pragma once

#include <sys/types.h>
#include <string>

#include "daemon/base/clock.h"
#include "daemon/keeper/memory.h"
#include "daemon/keeper/program.h"

namespace lacuna {

class Upgrade {
 public:
  struct Paths {
    std::string keeper;  // absolute
    std::string worker;
  };
  // `worker` is what workers are started from at first; all outlive this.
  Upgrade(const Paths& paths, Program worker, char** arguments, KeeperMemory& memory, int memory_fd);

  // What workers are to be started from.
  const Program& worker_program() const { return worker_; }
  bool running() const { return step_ != Step::kNone; }

  void Begin();
  // What the supervisor is to do next.
  enum class Demand {
    kNothing,
    kReplaceWorker,  // by one of worker_program(), which is new
    kGiveWorkerUp,   // the one on trial is late
    kReplaceKeeper,
  };
  // A child has ended, which may be the check.
  Demand OnChildEnded(pid_t pid, int status);
  void OnWorkerReady();
  // A worker was lost: one on trial takes the new program with it.
  void OnWorkerLost(const char* why);
  // At or after deadline().
  Demand OnTime();
  TimePoint deadline() const { return deadline_; }

  // Leaves what is running to the new keeper, and becomes it. Returns only when that fails.
  void BecomeNewKeeper(const HandOver& worker);

 private:
  enum class Step { kNone, kChecking, kTrial, kProbation };

  void StartCheck();
  void End(UpgradeState state, const char* reason);
  // Tells those who ask.
  void Conclude(UpgradeState state, const char* reason);

  const Paths& paths_;
  char** const arguments_;
  KeeperMemory& memory_;
  const int memory_fd_;

  Program worker_;
  Program other_worker_;  // the next one while the keeper is checked, the old one during the trial
  Program keeper_;        // the new one
  Step step_ = Step::kNone;
  pid_t check_ = -1;
  TimePoint deadline_ = TimePoint::max();
};

}  // namespace lacuna
