#include "cachefiles/fuse_channel.h"

#include <linux/fuse.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

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

FuseChannel::FuseChannel(UniqueFd device) : device_(std::move(device)) {}

absl::StatusOr<size_t> FuseChannel::Receive(absl::Span<char> buffer) {
  while (true) {
    const ssize_t size = read(device_.get(), buffer.data(), buffer.size());
    if (size > 0) return static_cast<size_t>(size);
    if (size == 0) return absl::UnavailableError("the other end is gone");
    // ENOENT: its reader was killed just now (Documentation/filesystems/fuse.rst).
    if (errno == EINTR || errno == ENOENT) continue;
    if (errno == EAGAIN) return 0;
    return ErrnoStatus(errno, "reading the FUSE device");
  }
}

void FuseChannel::Reply(uint64_t unique, int error, absl::Span<const char> payload) {
  WhileOpen([&] { Send(unique, error, payload); });
}

bool FuseChannel::Park(uint64_t unique) {
  MutexLock lock(mutex_);
  return parked_.insert(unique).second;
}

bool FuseChannel::IsParked(uint64_t unique) const {
  MutexLock lock(mutex_);
  return parked_.count(unique) > 0;
}

bool FuseChannel::ReplyParked(uint64_t unique, int error, absl::Span<const char> payload) {
  bool answered = false;
  WhileOpen([&] {
    answered = Unpark(unique);
    if (answered) Send(unique, error, payload);
  });
  return answered;
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
  for (const uint64_t unique : std::exchange(parked_, {})) Send(unique, EIO, {});
  device_.Reset();
}

bool FuseChannel::Unpark(uint64_t unique) {
  MutexLock lock(mutex_);
  return parked_.erase(unique) > 0;
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
