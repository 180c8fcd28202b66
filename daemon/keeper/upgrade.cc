#include "daemon/keeper/upgrade.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

#include "daemon/keeper/child_environment.h"
#include "daemon/keeper/say.h"

namespace lacuna {
namespace {

constexpr std::chrono::seconds kCheckPatience(5);
// Readers wait meanwhile: it leaves most of a usual read deadline to the old version.
constexpr std::chrono::seconds kTrialPatience(10);
constexpr std::chrono::seconds kProbation(1);

}  // namespace

Upgrade::Upgrade(const Paths& paths, Program worker, char** arguments, KeeperMemory& memory, int memory_fd)
    : paths_(paths),
      arguments_(arguments),
      memory_(memory),
      memory_fd_(memory_fd),
      worker_(std::move(worker)) {
  if (memory_.upgrade.state == UpgradeState::kRunning) {
    Conclude(UpgradeState::kRolledBack, "lacunad ended before it was over, and was started again");
  }
}

void Upgrade::Begin() {
  if (running()) return;
  memory_.upgrade.state = UpgradeState::kRunning;
  ++memory_.upgrade.number;
  keeper_ = Program::Open(paths_.keeper);
  other_worker_ = Program::Open(paths_.worker);
  if (!keeper_.valid() || !other_worker_.valid()) {
    return End(UpgradeState::kRolledBack, "lacunad and lacunad-worker are not both where they were");
  }
  step_ = Step::kChecking;
  deadline_ = std::chrono::steady_clock::now() + kCheckPatience;
  StartCheck();
}

void Upgrade::StartCheck() {
  ChildEnvironment environment(kCheckVariable, memory_fd_);
  check_ = fork();
  if (check_ < 0) return End(UpgradeState::kRolledBack, "the new lacunad cannot be started");
  if (check_ > 0) return;
  fcntl(memory_fd_, F_SETFD, 0);
  keeper_.Execute(arguments_, environment.get());
  _exit(127);
}

Upgrade::Demand Upgrade::OnChildEnded(pid_t pid, int status) {
  if (step_ != Step::kChecking || pid != check_) return Demand::kNothing;
  if (!WIFEXITED(status) || WEXITSTATUS(status) != kCheckPassed) {
    End(UpgradeState::kRolledBack, "the new lacunad does not run, or cannot take over from this version");
    return Demand::kNothing;
  }
  std::swap(worker_, other_worker_);
  step_ = Step::kTrial;
  deadline_ = std::chrono::steady_clock::now() + kTrialPatience;
  return Demand::kReplaceWorker;
}

void Upgrade::OnWorkerReady() {
  if (step_ != Step::kTrial) return;
  step_ = Step::kProbation;
  deadline_ = std::chrono::steady_clock::now() + kProbation;
}

void Upgrade::OnWorkerLost(const char* why) {
  if (step_ != Step::kTrial && step_ != Step::kProbation) return;
  std::swap(worker_, other_worker_);
  std::array<char, 200> reason;
  std::snprintf(reason.data(), reason.size(), "the new lacunad-worker %s", why);
  End(UpgradeState::kRolledBack, reason.data());
}

Upgrade::Demand Upgrade::OnTime() {
  switch (step_) {
    case Step::kNone:
      return Demand::kNothing;
    case Step::kChecking:
      kill(check_, SIGKILL);
      End(UpgradeState::kRolledBack, "the new lacunad hangs");
      return Demand::kNothing;
    case Step::kTrial:
      return Demand::kGiveWorkerUp;
    case Step::kProbation:
      End(UpgradeState::kDone, "");
      return Demand::kReplaceKeeper;
  }
  return Demand::kNothing;
}

void Upgrade::End(UpgradeState state, const char* reason) {
  step_ = Step::kNone;
  deadline_ = TimePoint::max();
  other_worker_ = Program();
  Conclude(state, reason);
  if (state == UpgradeState::kDone) return Say(Tone::kInfo, "upgraded");
  Say(Tone::kError, "not upgraded: %s; the version that ran goes on", reason);
}

void Upgrade::Conclude(UpgradeState state, const char* reason) {
  std::snprintf(memory_.upgrade.reason.data(), memory_.upgrade.reason.size(), "%s", reason);
  memory_.upgrade.state = state;
}

void Upgrade::BecomeNewKeeper(const HandOver& worker) {
  if (keeper_.IsSameFileAs(Program::Open("/proc/self/exe"))) return;
  memory_.hand_over = worker;
  memory_.hand_over.worker_program = worker_.fd();
  const int inherited[] = {memory_fd_, worker.worker_socket, worker_.fd()};
  for (const int fd : inherited) fcntl(fd, F_SETFD, 0);
  ChildEnvironment environment(kTakeOverVariable, memory_fd_);
  keeper_.Execute(arguments_, environment.get());
  Say(Tone::kError, "the new lacunad cannot be executed (%s): the old one goes on, with new workers",
      strerrordesc_np(errno));
  for (const int fd : inherited) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

}  // namespace lacuna
