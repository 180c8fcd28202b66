#include "cachefiles/cachefiles_session.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "cachefiles/cachefiles_wire.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// The kernel goes on asking for culling until a write finds space again: it is listened to this often.
constexpr std::chrono::seconds kCullingInterval(5);

// Kernels before 6.8 say that something can be read while any READ is unanswered. Without a pause that would
// be a busy loop; a longer one would delay misses there.
constexpr std::chrono::milliseconds kNothingThere(1);

// The kernel could not hand this one request over and has failed it; the next may do better
// (cachefiles_ondemand_get_fd in fs/cachefiles/ondemand.c).
bool LostOneRequest(int error) {
  return error == EMFILE || error == ENFILE || error == ENOMEM || error == EEXIST;
}

}  // namespace

CachefilesSession::CachefilesSession(std::shared_ptr<CachefilesDevice> device, Keeper& keeper,
                                     std::unique_ptr<CachefilesRequests> requests,
                                     std::function<void()> make_space)
    : device_(std::move(device)),
      keeper_(keeper),
      requests_(std::move(requests)),
      make_space_(std::move(make_space)) {}

CachefilesSession::~CachefilesSession() {
  Stop();
}

void CachefilesSession::Start() {
  MutexLock lock(stop_mutex_);
  thread_ = std::thread([this] { Loop(); });
  inherited_.wait();
}

void CachefilesSession::Stop() {
  MutexLock lock(stop_mutex_);
  stopping_ = true;
  running_ = false;
  device_->Wake();
  if (thread_.joinable()) {
    thread_.join();
  } else {
    requests_->CloseAll();
  }
}

void CachefilesSession::Loop() {
  keeper_.lifeline().Hold();
  absl::Status status = TakeOver();
  inherited_.count_down();
  if (status.ok()) status = Serve();
  if (!status.ok()) {
    LogError(
        "the cachefiles door ended: ", status.message(),
        "; its mounts give EIO for what is not cached until the daemon is restarted and they are redone");
  }
  running_ = false;
  requests_->CloseAll();
  keeper_.lifeline().LetGo();
}

// What it took from the device and did not answer, the predecessor took with it: the kernel gives it once
// more.
absl::Status CachefilesSession::TakeOver() {
  std::vector<Keeper::Object> objects = keeper_.TakeObjects();
  for (Keeper::Object& object : objects) requests_->Inherit(std::move(object));
  const int error = device_->Command(kRestoreCommand);
  if (error == 0 || error == EOPNOTSUPP) return absl::OkStatus();
  return ErrnoStatus(error, "asking the cachefiles device for unanswered requests");
}

absl::Status CachefilesSession::Serve() {
  while (!stopping_) {
    const std::chrono::milliseconds until_culling = UntilCullingIsAskedFor();
    const bool for_culling = until_culling.count() == 0;
    const CachefilesEvents events =
        device_->Wait(for_culling, for_culling ? Lifeline::kBeat : std::min(until_culling, Lifeline::kBeat));
    keeper_.lifeline().BeatOfDoor();
    if (events.broken) return absl::UnavailableError("the device reports an error");
    if (events.culling) MakeSpace();
    if (events.requests) RETURN_IF_ERROR(TakeMessages());
  }
  return absl::OkStatus();
}

std::chrono::milliseconds CachefilesSession::UntilCullingIsAskedFor() const {
  const auto wait = next_culling_ - std::chrono::steady_clock::now();
  return std::max(std::chrono::ceil<std::chrono::milliseconds>(wait), std::chrono::milliseconds(0));
}

void CachefilesSession::MakeSpace() {
  next_culling_ = std::chrono::steady_clock::now() + kCullingInterval;
  make_space_();
}

absl::Status CachefilesSession::TakeMessages() {
  std::array<char, kCachefilesMaxMessage> buffer;
  bool any = false;
  while (!stopping_) {
    const ssize_t size = device_->Receive(absl::MakeSpan(buffer));
    if (size == 0 && !any) std::this_thread::sleep_for(kNothingThere);
    if (size == 0) return absl::OkStatus();
    any = true;
    if (size > 0) {
      RETURN_IF_ERROR(requests_->OnMessage(absl::MakeConstSpan(buffer.data(), static_cast<size_t>(size))));
    } else if (LostOneRequest(static_cast<int>(-size))) {
      requests_->OnLostOpen(static_cast<int>(-size));
      return absl::OkStatus();
    } else {
      return ErrnoStatus(static_cast<int>(-size), "reading the cachefiles device");
    }
  }
  return absl::OkStatus();
}

}  // namespace lacuna
