#include "daemon/keeper/service_manager.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "daemon/keeper/say.h"
#include "daemon/keeper/send_with_fd.h"
#include "daemon/keeper/stored.h"

namespace lacuna {
namespace {

// Beats in the time after which one is missed: some may not fit into the queue.
constexpr int kBeats = 4;

uint64_t NumberIn(const char* variable) {
  const char* const text = std::getenv(variable);
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : 0;
}

bool IsForUs(const char* pid_variable) {
  return std::getenv(pid_variable) == nullptr || NumberIn(pid_variable) == static_cast<uint64_t>(getpid());
}

}  // namespace

ServiceManager::ServiceManager() {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || std::strlen(path) >= sizeof(address_.sun_path)) return;
  address_.sun_family = AF_UNIX;
  std::memcpy(address_.sun_path, path, std::strlen(path));
  address_size_ = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + std::strlen(path));
  if (path[0] == '@') address_.sun_path[0] = '\0';  // an abstract one
  socket_ = UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const uint64_t watchdog = NumberIn("WATCHDOG_USEC");
  if (watchdog == 0 || !IsForUs("WATCHDOG_PID")) return;
  beat_ = std::chrono::microseconds(watchdog / kBeats);
  next_beat_ = TimePoint();
}

bool ServiceManager::Send(const char* text, int fd) {
  iovec piece = {const_cast<char*>(text), std::strlen(text)};
  msghdr header = {.msg_name = &address_, .msg_namelen = address_size_, .msg_iov = &piece, .msg_iovlen = 1};
  const int error = SendWithFd(socket_.get(), header, fd);
  if (error == EAGAIN || error == ENOBUFS || error == ETOOMANYREFS || error == EINTR) return false;
  if (error != 0)
    Say(Tone::kWarning, "the service manager cannot be told %s: %s", text, strerrordesc_np(error));
  return true;
}

TimePoint ServiceManager::Beat(TimePoint now) {
  if (now >= next_beat_) {
    Send("WATCHDOG=1");
    next_beat_ = now + beat_;
  }
  return next_beat_;
}

bool ServiceManager::Sync(KeptTable& kept) {
  if (!socket_.valid()) return true;
  std::array<char, 300> text;
  for (; !useless_.empty(); useless_.pop_back()) {
    std::snprintf(text.data(), text.size(), "FDSTOREREMOVE=1\nFDNAME=%s", useless_.back().c_str());
    if (!Send(text.data())) return false;
  }
  // Without FDPOLL=0 a descriptor that reports an error would be thrown out.
  std::snprintf(text.data(), text.size(), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s", kMemoryName);
  if (memory_ >= 0 && !Send(text.data(), memory_)) return false;
  memory_ = -1;
  for (size_t place = 0; place < KeeperMemory::kEntries; ++place) {
    if (!kept.changed(place)) continue;
    if (!SyncPlace(place, kept.FdAt(place))) return false;
    kept.set_changed(place, false);
  }
  if (state_ != nullptr && !Send(state_)) return false;  // last: who is ready has stored all
  state_ = nullptr;
  return true;
}

bool ServiceManager::SyncPlace(size_t place, int fd) {
  std::array<char, 80> text;
  // Under one name there can be several: the old one goes first.
  std::snprintf(text.data(), text.size(), "FDSTOREREMOVE=1\nFDNAME=%s%zu", kPlacePrefix, place);
  if (!Send(text.data())) return false;
  std::snprintf(text.data(), text.size(), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s%zu", kPlacePrefix, place);
  return fd < 0 || Send(text.data(), fd);
}

}  // namespace lacuna
