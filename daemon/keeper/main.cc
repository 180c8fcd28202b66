// lacunad: the keeper of a worker (DESIGN.md section 6). It holds what the kernel's mounts hang on and does
// no more than that, so that nothing is lost when the worker, which does the work, dies or is replaced. The
// options are the worker's.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "absl/strings/strip.h"
#include "daemon/base/status.h"
#include "daemon/keeper/child_environment.h"
#include "daemon/keeper/guard.h"
#include "daemon/keeper/service_manager.h"
#include "daemon/keeper/stored.h"
#include "daemon/keeper/supervisor.h"

namespace lacuna {
namespace {

constexpr char kWorkerName[] = "lacunad-worker";
constexpr int kFailed = 1;

// The worker lies beside this program.
absl::StatusOr<Upgrade::Paths> ProgramPaths() {
  char path[PATH_MAX];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  if (size < 0) return ErrnoStatus(errno, "/proc/self/exe");
  // The kernel says so of what was replaced between our start and now; what is there is what counts.
  const std::string self(absl::StripSuffix(absl::string_view(path, static_cast<size_t>(size)), " (deleted)"));
  return Upgrade::Paths{.keeper = self, .worker = self.substr(0, self.rfind('/') + 1) + kWorkerName};
}

// One for each object of the cachefiles door, as the worker has.
void RaiseDescriptorLimit() {
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

UniqueFd TakeSignals() {
  sigset_t taken;
  sigemptyset(&taken);
  for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGUSR2}) sigaddset(&taken, number);
  sigprocmask(SIG_BLOCK, &taken, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return UniqueFd(signalfd(-1, &taken, SFD_CLOEXEC | SFD_NONBLOCK));
}

// A descriptor that another keeper has left, by the name of its variable; -1 when there is none.
int LeftBy(const char* variable) {
  const char* const value = std::getenv(variable);
  if (value == nullptr) return -1;
  const int fd = std::atoi(value);
  unsetenv(variable);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fd;
}

absl::StatusOr<int> RunWith(UniqueFd memory_fd, bool take_over, char** arguments,
                            ServiceManager manager = {}) {
  ASSIGN_OR_RETURN(MappedKeeperMemory mapped, MapKeeperMemory(memory_fd.get()));
  ASSIGN_OR_RETURN(const Upgrade::Paths paths, ProgramPaths());
  const UniqueFd signals = TakeSignals();
  if (!signals.valid()) return ErrnoStatus(errno, "signalfd");
  RaiseDescriptorLimit();
  // Never taken away: the guard's thread uses them to the end.
  KeeperMemory& memory = *mapped.release();
  KeptTable& kept = *new KeptTable(memory);
  Guard& guard = *new Guard(memory, kept);
  if (!guard.Start()) return ErrnoStatus(errno, "the keeper's guard");
  Program worker =
      take_over ? Program(UniqueFd(memory.hand_over.worker_program)) : Program::Open(paths.worker);
  if (!worker.valid()) return ErrnoStatus(errno, paths.worker);
  Upgrade upgrade(paths, std::move(worker), arguments, memory, memory_fd.get());
  Supervisor supervisor({kept, guard, upgrade, manager, arguments, memory_fd.get(), signals.get()});
  if (take_over) {
    kept.LetInherit(false);
    fcntl(memory.hand_over.worker_program, F_SETFD, FD_CLOEXEC);
    supervisor.TakeOver(memory.hand_over);
  }
  return supervisor.Run();
}

absl::StatusOr<int> Run(char** arguments) {
  if (const int memory = LeftBy(kCheckVariable); memory >= 0) {
    RETURN_IF_ERROR(MapKeeperMemory(memory).status());
    return kCheckPassed;
  }
  if (const int memory = LeftBy(kTakeOverVariable); memory >= 0) {
    return RunWith(UniqueFd(memory), /*take_over=*/true, arguments);
  }
  Stored stored = TakeStored();
  ServiceManager manager;
  manager.RemoveStored(std::move(stored.useless));
  if (!stored.memory.valid()) {
    ASSIGN_OR_RETURN(stored.memory, MakeKeeperMemory());
    manager.StoreMemory(stored.memory.get());
  }
  return RunWith(std::move(stored.memory), /*take_over=*/false, arguments, std::move(manager));
}

}  // namespace
}  // namespace lacuna

int main(int, char** arguments) {
  tzset();                        // for log lines, and now: it reads a file, for which it allocates
  prctl(PR_SET_NAME, "lacunad");  // after an upgrade it was executed by a descriptor
  const absl::StatusOr<int> status = lacuna::Run(arguments);
  if (status.ok()) _exit(*status);  // not return: the guard's thread runs on
  std::fprintf(stderr, "lacunad: %s\n", std::string(status.status().message()).c_str());
  _exit(lacuna::kFailed);
}
