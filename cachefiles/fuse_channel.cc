#include "cachefiles/fuse_channel.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// Every slot of the log is taken: more readers wait than the kernel is told to let wait.
constexpr std::chrono::milliseconds kNoSlotPause(1);

// Returns 0 or an errno value. The device takes a reply whole or not at all.
int WriteReply(int fd, uint64_t unique, int error, absl::Span<const char> payload) {
  fuse_out_header header = {
      .len = static_cast<uint32_t>(sizeof(header) + payload.size()), .error = -error, .unique = unique};
  iovec pieces[] = {{&header, sizeof(header)}, {const_cast<char*>(payload.data()), payload.size()}};
  ssize_t written;
  do written = writev(fd, pieces, payload.empty() ? 1 : 2);
  while (written < 0 && errno == EINTR);
  return written < 0 ? errno : 0;
}

}  // namespace

FuseChannel::FuseChannel(UniqueFd device, FuseLog& log) : device_(std::move(device)), log_(log) {}

void FuseChannel::FindLeft() {
  left_.emplace();
  MutexLock lock(mutex_);
  next_slot_ = log_.used_slots();
  for (uint32_t slot = next_slot_; slot-- > 0;) {
    const bool owed = !log_.IsFree(slot) && log_.Header(slot).len > 0 && !log_.IsGivenUp(slot);
    if (!owed) log_.Free(slot);
    (owed ? *left_ : free_slots_).push_back(slot);
  }
}

size_t FuseChannel::ReceiveLeft(absl::Span<char> buffer) {
  if (!left_.has_value()) FindLeft();
  if (left_->empty()) return 0;
  current_ = left_->back();
  left_->pop_back();
  waited_ = std::chrono::steady_clock::now() - log_.ClaimedAt(*current_);
  return log_.Copy(*current_, log_.Header(*current_).len, buffer);
}

absl::StatusOr<size_t> FuseChannel::Receive(absl::Span<char> buffer) {
  {
    MutexLock lock(mutex_);
    current_ = FreeSlot();
  }
  if (!current_.has_value()) {
    std::this_thread::sleep_for(kNoSlotPause);
    return 0;
  }
  waited_ = {};
  const std::array<iovec, 2> pieces = log_.Pieces(*current_);
  ssize_t size;
  do {
    log_.Claim(*current_, std::chrono::steady_clock::now());
    size = readv(device_.get(), pieces.data(), pieces.size());
    // ENOENT: its reader was killed just now (Documentation/filesystems/fuse.rst).
  } while (size < 0 && (errno == EINTR || errno == ENOENT));
  const int error = errno;
  if (size > 0) return log_.Copy(*current_, static_cast<size_t>(size), buffer);
  Settle();
  if (size == 0) return absl::UnavailableError("the other end is gone");
  if (error == EAGAIN) return 0;
  return ErrnoStatus(error, "reading the FUSE device");
}

void FuseChannel::Settle() {
  if (const auto slot = std::exchange(current_, std::nullopt)) Release(*slot);
}

void FuseChannel::Reply(uint64_t unique, int error, absl::Span<const char> payload) {
  WhileOpen([&] { Send(unique, error, payload); });
}

bool FuseChannel::Park(uint64_t unique) {
  MutexLock lock(mutex_);
  if (!parked_.try_emplace(unique, *current_).second) return false;
  current_.reset();
  return true;
}

bool FuseChannel::IsParked(uint64_t unique) const {
  MutexLock lock(mutex_);
  return parked_.count(unique) > 0;
}

bool FuseChannel::ReplyParked(uint64_t unique, int error, absl::Span<const char> payload) {
  std::optional<uint32_t> slot;
  WhileOpen([&] {
    slot = Unpark(unique);
    if (!slot.has_value()) return;
    Send(unique, error, payload);
    Release(
        *slot);  // after the answer: who dies in between leaves it to be answered once more, which is fine
  });
  return slot.has_value();
}

bool FuseChannel::WhileOpen(absl::FunctionRef<void()> action) {
  {
    MutexLock lock(mutex_);
    if (closed_) return false;
    ++users_;
  }
  action();
  MutexLock lock(mutex_);
  if (--users_ == 0) idle_.NotifyAll();
  return true;
}

void FuseChannel::Close() {
  MutexLock lock(mutex_);
  closed_ = true;
  while (users_ > 0) idle_.Wait(mutex_);
  for (const auto& [unique, slot] : std::exchange(parked_, {})) {
    Send(unique, EIO, {});
    log_.Free(slot);
  }
  device_.Reset();
}

std::optional<uint32_t> FuseChannel::FreeSlot() {
  if (!free_slots_.empty()) {
    const uint32_t slot = free_slots_.back();
    free_slots_.pop_back();
    return slot;
  }
  if (next_slot_ == FuseLog::kSlots) return std::nullopt;
  return next_slot_++;
}

std::optional<uint32_t> FuseChannel::Unpark(uint64_t unique) {
  MutexLock lock(mutex_);
  const auto parked = parked_.find(unique);
  if (parked == parked_.end()) return std::nullopt;
  const uint32_t slot = parked->second;
  parked_.erase(parked);
  return slot;
}

void FuseChannel::Release(uint32_t slot) {
  log_.Free(slot);
  MutexLock lock(mutex_);
  free_slots_.push_back(slot);
}

void FuseChannel::Send(uint64_t unique, int error, absl::Span<const char> payload) {
  const int failure = WriteReply(device_.get(), unique, error, payload);
  // ENOENT: the request is over, its reader was killed. The others end with the connection.
  if (failure == 0 || failure == ENOENT || failure == ENODEV || failure == ECONNABORTED) return;
  LogError(ErrnoStatus(failure, "answering a FUSE request").message());
  // The request may still be waiting: a reader gets an error rather than nothing.
  if (error == 0) WriteReply(device_.get(), unique, EIO, {});
}

}  // namespace lacuna
