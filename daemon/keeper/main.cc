// lacunad: the keeper of a worker (DESIGN.md section 6). It holds what the kernel's mounts hang on and does
// no more than that, so that nothing is lost when the worker, which does the work, dies or is replaced. The
// options are the worker's.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "daemon/base/status.h"
#include "daemon/keeper/guard.h"
#include "daemon/keeper/supervisor.h"

namespace lacuna {
namespace {

constexpr char kWorkerName[] = "lacunad-worker";
constexpr int kFailed = 1;

// It lies beside this program.
absl::StatusOr<std::string> WorkerProgram() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  if (size < 0) return ErrnoStatus(errno, "/proc/self/exe");
  const std::string self(path, static_cast<size_t>(size));
  return self.substr(0, self.rfind('/') + 1) + kWorkerName;
}

// One for each object of the cachefiles door, as the worker has.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

UniqueFd TakeSignals(sigset_t& before) {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&taken, number);
  sigprocmask(SIG_BLOCK, &taken, &before);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

absl::StatusOr<int> Run(char** arguments) {
  WorkerCommand command = {.arguments = arguments};
  ASSIGN_OR_RETURN(command.program, WorkerProgram());
  ASSIGN_OR_RETURN(const UniqueFd memory_fd, MakeKeeperMemory());
  ASSIGN_OR_RETURN(MappedKeeperMemory mapped, MapKeeperMemory(memory_fd.get()));
  command.memory_fd = memory_fd.get();
  UniqueFd signals = TakeSignals(command.signals);
  if (!signals.valid()) return ErrnoStatus(errno, "signalfd");
  RaiseDescriptorLimit();
  // Never taken away: the guard's thread uses them to the end.
  KeeperMemory& memory = *mapped.release();
  KeptTable& kept = *new KeptTable(memory);
  Guard& guard = *new Guard(memory, kept);
  if (!guard.Start()) return ErrnoStatus(errno, "the keeper's guard");
  return Supervisor(command, kept, guard, std::move(signals)).Run();
}

}  // namespace
}  // namespace lacuna

int main(int, char** arguments) {
  const absl::StatusOr<int> status = lacuna::Run(arguments);
  if (status.ok()) _exit(*status);  // not return: the guard's thread runs on
  std::fprintf(stderr, "lacunad: %s\n", std::string(status.status().message()).c_str());
  _exit(lacuna::kFailed);
}
