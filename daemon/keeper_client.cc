#include "daemon/keeper_client.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/keeper/child_environment.h"

namespace lacuna {
namespace {

// Inherited for us alone: no child of ours is to have it.
UniqueFd Own(int fd) {
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  return UniqueFd(fd);
}

std::string NameIn(const KeptEntry& entry) {
  return {entry.name.data(), strnlen(entry.name.data(), entry.name.size())};
}

KeeperMessage MessageOf(KeeperMessage::Type type, KeptKind kind, ObjectId id = {}) {
  return {.type = type, .kind = kind, .id = static_cast<uint64_t>(id)};
}

}  // namespace

absl::StatusOr<std::unique_ptr<KeeperClient>> KeeperClient::Connect() {
  const char* const variable = std::getenv(kKeeperVariable);
  if (variable == nullptr) {
    return absl::FailedPreconditionError("this is the worker, which lacunad starts; run lacunad");
  }
  const std::pair<std::string, std::string> numbers = absl::StrSplit(variable, absl::MaxSplits(',', 1));
  int socket = -1;
  int memory_fd = -1;
  if (!absl::SimpleAtoi(numbers.first, &socket) || !absl::SimpleAtoi(numbers.second, &memory_fd)) {
    return absl::FailedPreconditionError(absl::StrCat(kKeeperVariable, " is not what a keeper gives"));
  }
  unsetenv(kKeeperVariable);
  UniqueFd owned_socket = Own(socket);
  const UniqueFd owned_memory = Own(memory_fd);
  ASSIGN_OR_RETURN(MappedKeeperMemory memory, MapKeeperMemory(owned_memory.get()));
  return std::unique_ptr<KeeperClient>(new KeeperClient(std::move(owned_socket), std::move(memory)));
}

KeeperClient::KeeperClient(UniqueFd socket, MappedKeeperMemory memory)
    : pid_(getppid()), socket_(std::move(socket)), memory_(std::move(memory)) {
  // What the kernel is to copy a request to must not be paged out: see FuseLog::Claim. Not vital.
  mlock2(memory_.get(), sizeof(KeeperMemory), MLOCK_ONFAULT);
  TakeInheritance();
}

void KeeperClient::TakeInheritance() {
  MutexLock lock(mutex_);
  for (const KeptEntry& entry : memory_->kept) {
    const KeptKind kind = entry.kind.load(std::memory_order_acquire);
    if (kind == KeptKind::kNone) continue;
    if (kind == KeptKind::kCachefilesDevice) keeps_objects_ = true;
    inherited_.push_back({kind, {ObjectId(entry.id), entry.size, NameIn(entry), Own(entry.fd)}});
  }
}

std::optional<uint64_t> KeeperClient::Find(KeptKind kind) const {
  MutexLock lock(mutex_);
  for (const Inherited& entry : inherited_) {
    if (entry.kind == kind) return entry.object.size;
  }
  return std::nullopt;
}

UniqueFd KeeperClient::Take(KeptKind kind) {
  MutexLock lock(mutex_);
  const auto found = std::find_if(inherited_.begin(), inherited_.end(),
                                  [&](const Inherited& entry) { return entry.kind == kind; });
  return found == inherited_.end() ? UniqueFd() : std::move(found->object.fd);
}

std::vector<Keeper::Object> KeeperClient::TakeObjects() {
  MutexLock lock(mutex_);
  std::vector<Object> objects;
  for (Inherited& entry : inherited_) {
    const bool here = entry.kind == KeptKind::kCachefilesObject && entry.object.fd.valid();
    if (here) objects.push_back(std::move(entry.object));
  }
  return objects;
}

absl::Status KeeperClient::Keep(KeptKind kind, int fd, uint64_t number) {
  if (kind == KeptKind::kCachefilesDevice) keeps_objects_ = true;
  KeeperMessage message = MessageOf(KeeperMessage::Type::kKeep, kind);
  message.size = number;
  return Send(message, fd);
}

void KeeperClient::KeepObject(ObjectId id, uint64_t size, absl::string_view name, int fd) {
  KeeperMessage message = MessageOf(KeeperMessage::Type::kKeep, KeptKind::kCachefilesObject, id);
  if (!keeps_objects_) return;
  message.size = size;
  std::copy_n(name.begin(), std::min(name.size(), message.name.size() - 1), message.name.begin());
  const absl::Status status = Send(message, fd);
  if (!status.ok()) LogWarning("cachefiles object ", name, ": ", status.message());
}

void KeeperClient::DropObject(ObjectId id) {
  if (!keeps_objects_) return;
  const absl::Status status = Send(MessageOf(KeeperMessage::Type::kDrop, KeptKind::kCachefilesObject, id));
  if (!status.ok()) LogWarning(status.message());
}

void KeeperClient::SetReadDeadline(Duration deadline) {
  memory_->read_deadline = std::chrono::nanoseconds(deadline).count();
}

absl::Status KeeperClient::Ready() {
  return Send(MessageOf(KeeperMessage::Type::kReady, KeptKind::kNone));
}

absl::Status KeeperClient::BeginUpgrade() {
  if (memory_->upgrade.state == UpgradeState::kRunning) {
    return absl::FailedPreconditionError("an upgrade is under way");
  }
  return Send(MessageOf(KeeperMessage::Type::kUpgrade, KeptKind::kNone));
}

UpgradeInfo KeeperClient::LastUpgrade() const {
  const UpgradeRecord& record = memory_->upgrade;
  UpgradeInfo info{.number = record.number, .version = LACUNA_VERSION};
  switch (record.state.load()) {
    case UpgradeState::kNone:
      break;
    case UpgradeState::kRunning:
      info.state = UpgradeInfo::State::kRunning;
      break;
    case UpgradeState::kDone:
      info.state = UpgradeInfo::State::kDone;
      break;
    case UpgradeState::kRolledBack:
      info.state = UpgradeInfo::State::kRolledBack;
      info.reason = record.reason.data();
      break;
  }
  return info;
}

absl::Status KeeperClient::Send(const KeeperMessage& message, int fd) {
  const int error = SendToKeeper(socket_.get(), message, fd);
  if (error == 0) return absl::OkStatus();
  return ErrnoStatus(error, "telling the keeper");
}

}  // namespace lacuna
