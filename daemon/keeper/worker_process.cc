#include "daemon/keeper/worker_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "daemon/keeper/link_variable.h"
#include "daemon/keeper/say.h"

namespace lacuna {
namespace {

// In the child: from here to exec only what signal-safety(7) allows.
[[noreturn]] void Become(const WorkerCommand& command, const KeptTable& kept, int socket, pid_t keeper,
                         char** environment) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != keeper) _exit(0);  // it died before that
  kept.LetInherit();
  fcntl(socket, F_SETFD, 0);
  fcntl(command.memory_fd, F_SETFD, 0);
  sigprocmask(SIG_SETMASK, &command.signals, nullptr);
  execve(command.program.c_str(), command.arguments, environment);
  Say(Tone::kError, "cannot execute %s: errno %d", command.program.c_str(), errno);
  _exit(127);
}

}  // namespace

WorkerProcess WorkerProcess::Start(const WorkerCommand& command, const KeptTable& kept) {
  WorkerProcess worker;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return worker;
  worker.socket_ = UniqueFd(ends[0]);
  const UniqueFd workers_end(ends[1]);
  LinkEnvironment environment(workers_end.get(), command.memory_fd);
  const pid_t keeper = getpid();
  worker.started_ = std::chrono::steady_clock::now();
  worker.pid_ = fork();
  if (worker.pid_ == 0) Become(command, kept, workers_end.get(), keeper, environment.get());
  return worker;
}

}  // namespace lacuna
