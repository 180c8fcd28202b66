// One run of the worker program: a child that inherits all that is kept, and a socket to it.
//
// Caller: the supervisor, on its thread. Does not allocate.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include "daemon/base/clock.h"
#include "daemon/base/unique_fd.h"
#include "daemon/keeper/kept_table.h"
#include "daemon/keeper/program.h"

namespace lacuna {

class WorkerProcess {
 public:
  // `arguments` are main's. The worker ends with the keeper, whatever ends that. An invalid one (pid -1),
  // with errno set, when it cannot be made; a program that cannot be executed is a child that ends with
  // status 127.
  static WorkerProcess Start(const Program& program, char** arguments, const KeptTable& kept, int memory_fd);
  // One that a keeper before this one started.
  static WorkerProcess TakeOver(const HandOver& hand_over);

  WorkerProcess() = default;

  pid_t pid() const { return pid_; }
  int socket() const { return socket_.get(); }
  TimePoint started() const { return started_; }
  bool running() const { return pid_ > 0; }
  void Send(int signal) const { kill(pid_, signal); }

  bool ready = false;
  bool dismissed = false;  // what it still has to say is no news of it

 private:
  pid_t pid_ = -1;
  UniqueFd socket_;
  TimePoint started_;
};

}  // namespace lacuna
