#include "daemon/keeper/stored.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "daemon/keeper/memory.h"
#include "daemon/keeper/say.h"

namespace lacuna {
namespace {

constexpr int kFirstFd = 3;  // SD_LISTEN_FDS_START

struct NamedFd {
  std::string name;
  UniqueFd fd;
};

uint64_t NumberIn(const char* variable) {
  const char* const text = std::getenv(variable);
  uint64_t number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : 0;
}

std::vector<NamedFd> TakeAll() {
  std::vector<NamedFd> all;
  const uint64_t count = NumberIn("LISTEN_FDS");
  const char* const names = std::getenv("LISTEN_FDNAMES");
  if (count == 0 || names == nullptr || NumberIn("LISTEN_PID") != static_cast<uint64_t>(getpid())) return {};
  int fd = kFirstFd;
  for (const std::string& name : std::vector<std::string>(absl::StrSplit(names, ':'))) {
    if (all.size() == count) break;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    all.push_back({name, UniqueFd(fd++)});
  }
  for (const char* variable : {"LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PID"}) unsetenv(variable);
  return all;
}

std::optional<size_t> PlaceOf(absl::string_view name) {
  size_t place = 0;
  const bool is_place = absl::ConsumePrefix(&name, kPlacePrefix) && absl::SimpleAtoi(name, &place);
  return is_place && place < KeeperMemory::kEntries ? std::optional(place) : std::nullopt;
}

// What is in the table and was not stored, is gone from it. What was used is taken out of `all`.
void Renumber(KeeperMemory& memory, std::vector<NamedFd>& all) {
  std::array<int, KeeperMemory::kEntries> numbers;
  numbers.fill(-1);
  for (NamedFd& one : all) {
    const std::optional<size_t> place = PlaceOf(one.name);
    if (!place.has_value() || memory.kept[*place].kind == KeptKind::kNone || numbers[*place] >= 0) continue;
    numbers[*place] = one.fd.Release();
  }
  for (size_t place = 0; place < numbers.size(); ++place) {
    KeptEntry& entry = memory.kept[place];
    entry.fd = numbers[place];
    if (numbers[place] < 0) entry.kind = KeptKind::kNone;
  }
}

}  // namespace

Stored TakeStored() {
  Stored stored;
  std::vector<NamedFd> all = TakeAll();
  for (NamedFd& one : all) {
    if (one.name != kMemoryName || stored.memory.valid()) continue;
    const absl::StatusOr<MappedKeeperMemory> memory = MapKeeperMemory(one.fd.get());
    if (memory.ok()) {
      stored.memory = std::move(one.fd);
      Renumber(**memory, all);
    } else {
      Say(Tone::kWarning, "what the service manager has kept is of no use: %s",
          std::string(memory.status().message()).c_str());
    }
  }
  const auto is_used = [&](absl::string_view name) {
    return std::any_of(all.begin(), all.end(),
                       [&](const NamedFd& one) { return one.name == name && !one.fd.valid(); });
  };
  for (const NamedFd& one : all) {
    if (one.fd.valid() && !is_used(one.name)) stored.useless.push_back(one.name);
  }
  return stored;
}

}  // namespace lacuna
