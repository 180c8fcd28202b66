#include "daemon/keeper/supervisor.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "daemon/keeper/say.h"

namespace lacuna {
namespace {

// A worker that was ready for so long is replaced at once; those that die sooner, after a growing pause. It
// stays short while they do become ready: readers wait, and each worker answers some of them.
constexpr std::chrono::seconds kGoodLife(1);
constexpr std::chrono::milliseconds kFirstPause(10);
constexpr std::chrono::milliseconds kLongestPauseWhenReady(100);
constexpr std::chrono::milliseconds kLongestPause(1000);

// From exec to ready. It opens every object of what is mounted, and waits for no network.
constexpr std::chrono::seconds kStartPatience(60);
// From the signal to its end: it unmounts, and writes what is not written yet.
constexpr std::chrono::seconds kEndPatience(30);

// A worker that was killed is gone after that, unless it is stuck in the kernel.
constexpr std::chrono::milliseconds kDeathPatience(2000);

// When the service manager is slow to listen.
constexpr std::chrono::milliseconds kTellAgain(5);
constexpr std::chrono::seconds kTellPatience(2);

constexpr int kFirstSignalStatus = 128;

}  // namespace

void Supervisor::TakeOver(const HandOver& hand_over) {
  worker_ = WorkerProcess::TakeOver(hand_over);
  was_ready_ = true;
}

int Supervisor::Run() {
  if (!worker_.running()) StartWorker();
  while (!done_) {
    Wait();
    TakeMessages();
    TakeNews();
    TakeSignals();
    CheckPatience();
  }
  LetGo();
  return exit_status_;
}

void Supervisor::LetGo() {
  const bool in_order = ending_ && exit_status_ == 0;
  if (in_order) {
    const std::lock_guard lock(parts_.kept.mutex);
    parts_.kept.DropAll();
  }
  const TimePoint end = std::chrono::steady_clock::now() + kTellPatience;
  while (!TellManager() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(kTellAgain);
  const std::lock_guard lock(parts_.kept.mutex);
  if (!in_order) parts_.kept.CloseAll();
}

bool Supervisor::TellManager() {
  const std::lock_guard lock(parts_.kept.mutex);
  return parts_.manager.Sync(parts_.kept);
}

void Supervisor::StartWorker() {
  worker_ =
      WorkerProcess::Start(parts_.upgrade.worker_program(), parts_.arguments, parts_.kept, parts_.memory_fd);
  if (worker_.running()) return;
  Say(Tone::kError, "cannot start a worker: %s", std::strerror(errno));
  done_ = !was_ready_;
  exit_status_ = 1;
  next_start_ = std::chrono::steady_clock::now() + kLongestPause;
}

void Supervisor::Wait() {
  pollfd fds[] = {{.fd = parts_.signals_fd, .events = POLLIN},
                  {.fd = parts_.guard.news_fd(), .events = POLLIN},
                  {.fd = worker_.running() ? worker_.socket() : -1, .events = POLLIN}};
  poll(fds, std::size(fds), MillisecondsToWait());
}

int Supervisor::MillisecondsToWait() {
  const TimePoint now = std::chrono::steady_clock::now();
  TimePoint next = std::min(parts_.upgrade.deadline(), parts_.manager.Beat(now));
  if (!TellManager()) next = std::min(next, now + kTellAgain);
  if (ending_) {
    next = std::min(next, kill_at_);
  } else if (!worker_.running()) {
    next = std::min(next, next_start_);
  } else if (!worker_.ready) {
    next = std::min(next, worker_.started() + kStartPatience);
  }
  if (next == TimePoint::max()) return -1;
  const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - now);
  return static_cast<int>(std::max<int64_t>(wait.count(), 0));
}

void Supervisor::TakeSignals() {
  signalfd_siginfo info;
  while (read(parts_.signals_fd, &info, sizeof(info)) == sizeof(info)) {
    const int number = static_cast<int>(info.ssi_signo);
    if (number == SIGCHLD) {
      ReapChildren();
    } else if (number == SIGUSR2) {
      Leave();
    } else {
      End(number);
    }
  }
}

void Supervisor::ReapChildren() {
  int status = 0;
  while (const pid_t pid = waitpid(-1, &status, WNOHANG)) {
    if (pid < 0) return;
    if (pid != worker_.pid()) {  // the check of an upgrade, or a worker that was replaced
      Do(parts_.upgrade.OnChildEnded(pid, status));
      continue;
    }
    TakeMessages();
    const bool exited = WIFEXITED(status);
    const int number = exited ? WEXITSTATUS(status) : WTERMSIG(status);
    if (ending_ || !was_ready_) {
      done_ = true;
      exit_status_ = exited ? number : kFirstSignalStatus + number;
      continue;
    }
    std::array<char, 40> why;
    std::snprintf(why.data(), why.size(), "ended with %s %d", exited ? "status" : "signal", number);
    Replace(why.data());
  }
}

void Supervisor::End(int signal) {
  if (std::exchange(ending_, true)) return;
  kill_at_ = std::chrono::steady_clock::now() + kEndPatience;
  parts_.manager.Tell("STOPPING=1");
  if (worker_.running()) return worker_.Send(signal);
  Say(Tone::kWarning, "ending while there is no worker: what is mounted stays, and fails its readers");
  done_ = true;
  exit_status_ = 1;
}

void Supervisor::Leave() {
  Say(Tone::kInfo, "ending, and leaving what is mounted to the next lacunad");
  parts_.manager.Tell("STOPPING=1");
  if (worker_.running()) {
    worker_.Send(SIGKILL);
    pollfd end = {.fd = worker_.socket(), .events = 0};  // closed by its death
    poll(&end, 1, kDeathPatience.count());
    Dismiss(Duration::zero());
  }
  done_ = true;
}

void Supervisor::TakeMessages() {
  while (worker_.running()) {
    ReceivedMessage received;
    switch (ReceiveFromWorker(worker_.socket(), received)) {
      case Reception::kMessage:
        Act(std::move(received));
        break;
      case Reception::kGarbage:
        Say(Tone::kWarning, "a message of the worker's cannot be read, and is left out");
        break;
      case Reception::kNothing:
      case Reception::kEnd:
        return;
    }
  }
}

void Supervisor::Act(ReceivedMessage received) {
  const KeeperMessage& message = received.message;
  const std::lock_guard lock(parts_.kept.mutex);
  switch (message.type) {
    case KeeperMessage::Type::kKeep:
      return Keep(std::move(received));
    case KeeperMessage::Type::kDrop:
      return parts_.kept.Drop(message.kind, message.id);
    case KeeperMessage::Type::kReady:
      return OnReady();
    case KeeperMessage::Type::kUpgrade:
      return parts_.upgrade.Begin();
  }
}

void Supervisor::Keep(ReceivedMessage received) {
  if (received.fd.valid() && parts_.kept.Keep(received.message, std::move(received.fd))) return;
  Say(Tone::kWarning, "no room to keep what the worker leaves (kind %u)",
      static_cast<unsigned>(received.message.kind));
}

void Supervisor::OnReady() {
  if (worker_.dismissed) return;
  worker_.ready = true;
  if (was_ready_) Say(Tone::kInfo, "a new worker (pid %d) has taken over", worker_.pid());
  if (!std::exchange(was_ready_, true)) parts_.manager.Tell("READY=1");
  parts_.upgrade.OnWorkerReady();
}

void Supervisor::TakeNews() {
  const Guard::News news = parts_.guard.TakeNews();
  if (news == Guard::News::kNone || !worker_.running() || ending_) return;
  // It may be about the one before: this one has not come so far.
  if (!worker_.ready) return;
  Replace(news == Guard::News::kWorkerDied ? "died" : "stands still");
}

void Supervisor::CheckPatience() {
  const TimePoint now = std::chrono::steady_clock::now();
  if (ending_ && worker_.running() && now >= kill_at_) {
    Say(Tone::kError, "the worker does not end: killed");
    worker_.Send(SIGKILL);
    kill_at_ = now + kEndPatience;
  } else if (!ending_ && worker_.running() && !worker_.ready && now >= worker_.started() + kStartPatience) {
    Replace("is not ready in time");
  }
  if (!ending_ && now >= parts_.upgrade.deadline()) Do(parts_.upgrade.OnTime());
  if (!ending_ && !done_ && !worker_.running() && now >= next_start_) StartWorker();
}

void Supervisor::Do(Upgrade::Demand demand) {
  switch (demand) {
    case Upgrade::Demand::kNothing:
      return;
    case Upgrade::Demand::kReplaceKeeper:
      return ReplaceKeeper();
    case Upgrade::Demand::kGiveWorkerUp:
      if (worker_.running()) Replace("is not ready in time");
      return;
    case Upgrade::Demand::kReplaceWorker:
      if (!worker_.running()) return;
      Say(Tone::kInfo, "the worker (pid %d) makes way for a new version", worker_.pid());
      return Dismiss(Duration::zero());
  }
}

void Supervisor::ReplaceKeeper() {
  const std::lock_guard lock(parts_.kept.mutex);
  parts_.kept.LetInherit(true);
  parts_.upgrade.BecomeNewKeeper(
      {.worker_pid = worker_.pid(), .worker_socket = worker_.socket(), .worker_ready = worker_.ready});
  parts_.kept.LetInherit(false);
}

void Supervisor::Replace(const char* why) {
  Say(Tone::kError, "the worker (pid %d) %s", worker_.pid(), why);
  const bool good = worker_.ready && std::chrono::steady_clock::now() - worker_.started() >= kGoodLife;
  const Duration longest = worker_.ready ? kLongestPauseWhenReady : kLongestPause;
  pause_ = good ? Duration::zero() : std::clamp<Duration>(pause_ * 2, kFirstPause, longest);
  parts_.upgrade.OnWorkerLost(why);
  Dismiss(pause_);
}

void Supervisor::Dismiss(Duration pause) {
  worker_.dismissed = true;
  worker_.Send(SIGKILL);  // maybe not the last to be heard of it: a thread of it can be stuck in the kernel
  TakeMessages();         // what it left until now is kept
  worker_ = WorkerProcess();
  next_start_ = std::chrono::steady_clock::now() + pause;
}

}  // namespace lacuna
