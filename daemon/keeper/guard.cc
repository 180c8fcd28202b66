#include "daemon/keeper/guard.h"

#include <sys/eventfd.h>

#include <algorithm>

#include "daemon/keeper/say.h"
#include "daemon/keeper/seal.h"

namespace lacuna {
namespace {

constexpr std::chrono::milliseconds kTick = Lifeline::kBeat;
constexpr std::chrono::milliseconds kTickAlone(50);

// A worker that is alive answers by the deadline, a moment after it: the guard is behind that.
constexpr std::chrono::seconds kGrace(1);

// Before a worker has said what the deadline is there is nothing to answer.
constexpr std::chrono::seconds kUsualDeadline(30);

constexpr Duration kMostPatience = std::chrono::seconds(10);
constexpr Duration kLeastPatience = std::chrono::seconds(2);

}  // namespace

Guard::Guard(KeeperMemory& memory, KeptTable& kept)
    : memory_(memory),
      kept_(kept),
      news_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      alone_since_(std::chrono::steady_clock::now()) {}

bool Guard::Start() {
  if (!news_fd_.valid()) return false;
  std::thread([this] {
    if (!SealThread()) Say(Tone::kWarning, "no seccomp on this system: the guard is not sealed");
    while (true) Step();
  }).detach();
  return true;
}

Guard::News Guard::TakeNews() {
  eventfd_t count = 0;
  eventfd_read(news_fd_.get(), &count);
  return news_.exchange(News::kNone);
}

void Guard::Tell(News news) {
  news_ = news;
  eventfd_write(news_fd_.get(), 1);
}

Duration Guard::ReadDeadline() const {
  const int64_t nanoseconds = memory_.read_deadline;
  return nanoseconds == 0 ? Duration(kUsualDeadline) : Duration(nanoseconds);
}

// Half a deadline is left to the next worker.
Duration Guard::Patience() const {
  return std::clamp<Duration>(ReadDeadline() / 2, kLeastPatience, kMostPatience);
}

void Guard::Watch() {
  const Lifeline::Watched watched = lifeline_.Watch(kTick);
  FailOverdueFuse(ReadDeadline() + kGrace);
  if (watched == Lifeline::Watched::kAlive) {
    if (StandsStill()) Tell(News::kWorkerStandsStill);
    return;
  }
  watching_ = false;
  restored_ = false;
  alone_since_ = std::chrono::steady_clock::now();
  if (watched != Lifeline::Watched::kEnded) Tell(News::kWorkerDied);
}

// In ticks, not by the clock: a machine that slept has not kept its threads from beating.
bool Guard::StandsStill() {
  const uint64_t door_beats = memory_.lifeline.door_beats;
  const uint64_t clock_beats = memory_.lifeline.clock_beats;
  const bool beats = door_beats != door_beats_ && clock_beats != clock_beats_;
  if (beats || still_ticks_ == 0) {
    door_beats_ = door_beats;
    clock_beats_ = clock_beats;
    still_ticks_ = 0;
  }
  ++still_ticks_;
  return still_ticks_ > Patience() / kTick;
}

void Guard::Alone() {
  if (lifeline_.held()) {
    watching_ = true;
    still_ticks_ = 0;
    return;
  }
  FailOverdueFuse(ReadDeadline());
  const bool too_long = std::chrono::steady_clock::now() - alone_since_ > ReadDeadline();
  if (too_long && lifeline_.TryTake()) {
    const std::lock_guard lock(kept_.mutex);
    if (const int device = kept_.Find(KeptKind::kFuseDevice); device >= 0) FailWaitingFuse(device);
    if (const int device = kept_.Find(KeptKind::kCachefilesDevice); device >= 0) {
      FailWaitingCachefiles(device);
    }
    lifeline_.GiveBack();
  }
  std::this_thread::sleep_for(kTickAlone);
}

}  // namespace lacuna
