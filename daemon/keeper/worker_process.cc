#include "daemon/keeper/worker_process.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "daemon/keeper/child_environment.h"
#include "daemon/keeper/say.h"

namespace lacuna {

WorkerProcess WorkerProcess::Start(const Program& program, char** arguments, const KeptTable& kept,
                                   int memory_fd) {
  WorkerProcess worker;
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return worker;
  worker.socket_ = UniqueFd(ends[0]);
  const UniqueFd workers_end(ends[1]);
  ChildEnvironment environment(kKeeperVariable, workers_end.get(), memory_fd);
  const pid_t keeper = getpid();
  worker.started_ = std::chrono::steady_clock::now();
  worker.pid_ = fork();
  if (worker.pid_ != 0) return worker;

  // In the child only what signal-safety(7) allows.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != keeper) _exit(0);  // it died before that
  kept.LetInherit(true);
  fcntl(workers_end.get(), F_SETFD, 0);
  fcntl(memory_fd, F_SETFD, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  program.Execute(arguments, environment.get());
  Say(Tone::kError, "cannot execute the worker: %s", strerrordesc_np(errno));
  _exit(127);
}

WorkerProcess WorkerProcess::TakeOver(const HandOver& hand_over) {
  WorkerProcess worker;
  worker.pid_ = hand_over.worker_pid;
  worker.socket_ = UniqueFd(hand_over.worker_socket);
  worker.started_ = std::chrono::steady_clock::now();
  worker.ready = hand_over.worker_ready != 0;
  fcntl(hand_over.worker_socket, F_SETFD, FD_CLOEXEC);
  return worker;
}

}  // namespace lacuna
