#include "daemon/keeper/service_manager.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"
#include "daemon/keeper/say.h"
#include "daemon/keeper/send_with_fd.h"

namespace lacuna {
namespace {

constexpr int kFirstFd = 3;  // SD_LISTEN_FDS_START
constexpr char kMemoryName[] = "memory";
constexpr char kPlacePrefix[] = "kept-";

uint64_t NumberIn(const char* variable) {
  const char* const text = std::getenv(variable);
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : 0;
}

bool IsForUs(const char* pid_variable) {
  return std::getenv(pid_variable) == nullptr || NumberIn(pid_variable) == static_cast<uint64_t>(getpid());
}

struct Stored {
  std::string name;
  UniqueFd fd;
};

std::vector<Stored> TakeAllStored() {
  std::vector<Stored> stored;
  const uint64_t count = NumberIn("LISTEN_FDS");
  const char* const names = std::getenv("LISTEN_FDNAMES");
  if (count == 0 || names == nullptr || NumberIn("LISTEN_PID") != static_cast<uint64_t>(getpid())) return {};
  int fd = kFirstFd;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(names, ':'))) {
    if (stored.size() == count) break;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    stored.push_back({name, UniqueFd(fd++)});
  }
  for (const char* variable : {"LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"}) unsetenv(variable);
  return stored;
}

// What was stored for a place in the table, and is no more, is gone from it.
void Renumber(KeeperMemory& memory, std::vector<Stored>& stored) {
  std::array<int, KeeperMemory::kEntries> numbers;
  numbers.fill(-1);
  for (Stored& one : stored) {
    size_t place = 0;
    const absl::string_view name = one.name;
    if (name.substr(0, std::strlen(kPlacePrefix)) != kPlacePrefix) continue;
    if (!absl::SimpleAtoi(name.substr(std::strlen(kPlacePrefix)), &place) || place >= numbers.size())
      continue;
    if (numbers[place] >= 0 || memory.kept[place].kind == KeptKind::kNone) continue;
    numbers[place] = one.fd.Release();
  }
  for (size_t place = 0; place < numbers.size(); ++place) {
    KeptEntry& entry = memory.kept[place];
    entry.fd = numbers[place];
    if (numbers[place] < 0) entry.kind = KeptKind::kNone;
  }
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
  beat_ = std::chrono::microseconds(watchdog / 2);
  next_beat_ = TimePoint();
}

void ServiceManager::Send(const char* text, int fd) {
  if (!socket_.valid()) return;
  iovec piece = {const_cast<char*>(text), std::strlen(text)};
  msghdr header = {.msg_name = &address_, .msg_namelen = address_size_, .msg_iov = &piece, .msg_iovlen = 1};
  SendWithFd(socket_.get(), header, fd);
}

void ServiceManager::Tell(const char* state) {
  Send(state);
}

TimePoint ServiceManager::Beat(TimePoint now) {
  if (now >= next_beat_) {
    Send("WATCHDOG=1");
    next_beat_ = now + beat_;
  }
  return next_beat_;
}

void ServiceManager::StoreMemory(int fd) {
  Send("FDSTORE=1\nFDPOLL=0\nFDNAME=memory", fd);
}

void ServiceManager::Store(size_t place, int fd) {
  Remove(place);  // of one name there can be several
  std::array<char, 80> text;
  // Without FDPOLL=0 a device that reports an error would be thrown out.
  std::snprintf(text.data(), text.size(), "FDSTORE=1\nFDPOLL=0\nFDNAME=%s%zu", kPlacePrefix, place);
  Send(text.data(), fd);
}

void ServiceManager::Remove(size_t place) {
  std::array<char, 80> text;
  std::snprintf(text.data(), text.size(), "FDSTOREREMOVE=1\nFDNAME=%s%zu", kPlacePrefix, place);
  Send(text.data());
}

UniqueFd TakeStored() {
  std::vector<Stored> stored = TakeAllStored();
  const auto memory =
      std::find_if(stored.begin(), stored.end(), [](const Stored& one) { return one.name == kMemoryName; });
  if (memory == stored.end()) return {};
  const absl::StatusOr<MappedKeeperMemory> mapped = MapKeeperMemory(memory->fd.get());
  if (!mapped.ok()) {
    Say(Tone::kWarning, "what the service manager has kept is of no use: %s",
        std::string(mapped.status().message()).c_str());
    return {};
  }
  Renumber(**mapped, stored);
  return std::move(memory->fd);
}

}  // namespace lacuna
