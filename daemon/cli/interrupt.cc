#include "daemon/cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <utility>

namespace lacuna {
namespace {

constexpr int kExitInterrupted = 130;

}  // namespace

sigset_t HoldInterrupts() {
  sigset_t held;
  sigemptyset(&held);
  for (const int number : {SIGINT, SIGTERM}) {
    struct sigaction current = {};
    sigaction(number, nullptr, &current);
    if (current.sa_handler != SIG_IGN) sigaddset(&held, number);
  }
  pthread_sigmask(SIG_BLOCK, &held, nullptr);
  return held;
}

InterruptWatcher::InterruptWatcher(const sigset_t& held, std::function<void()> on_interrupt)
    : on_interrupt_(std::move(on_interrupt)),
      signals_(signalfd(-1, &held, SFD_CLOEXEC)),
      stop_event_(eventfd(0, EFD_CLOEXEC)),
      thread_([this] { Loop(); }) {}

InterruptWatcher::~InterruptWatcher() {
  eventfd_write(stop_event_.get(), 1);
  thread_.join();
}

void InterruptWatcher::Loop() {
  pollfd wanted[] = {{.fd = stop_event_.get(), .events = POLLIN}, {.fd = signals_.get(), .events = POLLIN}};
  while (true) {
    poll(wanted, 2, -1);
    if (wanted[0].revents != 0) return;
    signalfd_siginfo info = {};
    if (read(signals_.get(), &info, sizeof(info)) != sizeof(info)) continue;
    if (interrupted_.exchange(true)) _exit(kExitInterrupted);
    on_interrupt_();
  }
}

}  // namespace lacuna
