// The keeper's main thread: starts the worker, starts it anew when it died or stands still, takes what it
// leaves to be kept, and ends with it when it ends in order.
//
// Until the first worker is ready, its end is lacunad's: a wrong option or a cache folder in use is told by
// it and not tried again. Does not allocate after Run has begun. Caller: main.
#pragma once

#include "daemon/keeper/guard.h"
#include "daemon/keeper/kept_table.h"
#include "daemon/keeper/service_manager.h"
#include "daemon/keeper/upgrade.h"
#include "daemon/keeper/worker_process.h"

namespace lacuna {

class Supervisor {
 public:
  struct Parts {
    KeptTable& kept;
    Guard& guard;
    Upgrade& upgrade;
    ServiceManager& manager;
    char** arguments;  // main's
    int memory_fd;
    int signals_fd;  // a signalfd(2) of SIGCHLD and of those that end lacunad
  };
  explicit Supervisor(const Parts& parts) : parts_(parts) {}
  // Goes on with what another keeper has left.
  void TakeOver(const HandOver& hand_over);

  // Returns lacunad's exit status.
  int Run();

 private:
  void StartWorker();
  void Wait();
  int MillisecondsToWait();
  void TakeSignals();
  void ReapChildren();
  void End(int signal);
  // Ends without the worker's help, and leaves what is mounted to a keeper that the service manager starts.
  void Leave();
  bool TellManager();
  // The last that happens: what is kept stays in the service manager's hand, unless all came to its end in
  // order.
  void LetGo();
  void TakeMessages();
  void Act(ReceivedMessage received);
  void Keep(ReceivedMessage received);
  void OnReady();
  void TakeNews();
  void CheckPatience();
  void Do(Upgrade::Demand demand);
  void ReplaceKeeper();
  // The worker is of no use any more, and another one comes; unless lacunad ends.
  void Replace(const char* why);
  // Whatever is left of the worker is killed; the next one starts after `pause`.
  void Dismiss(Duration pause);

  const Parts parts_;
  WorkerProcess worker_;
  bool was_ready_ = false;  // some worker was
  bool ending_ = false;     // lacunad was told to end
  TimePoint next_start_;    // when there is no worker
  TimePoint kill_at_;       // when `ending_`
  Duration pause_ = {};     // before the next start
  bool done_ = false;
  int exit_status_ = 0;
};

}  // namespace lacuna
