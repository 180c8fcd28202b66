#include "tests/fakes/fake_cachefiles_device.h"

#include <fcntl.h>
#include <linux/cachefiles.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

constexpr std::chrono::seconds kPatience(20);

template <typename T>
std::string BytesOf(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

// By name: TSan takes fstat of a descriptor that another thread closes for a race, and here it is meant.
bool SameFile(int a, int b) {
  struct stat first {
  }, second{};
  return stat(absl::StrCat("/proc/self/fd/", a).c_str(), &first) == 0 &&
         stat(absl::StrCat("/proc/self/fd/", b).c_str(), &second) == 0 && first.st_ino == second.st_ino &&
         first.st_dev == second.st_dev;
}

auto Deadline() {
  return std::chrono::steady_clock::now() + kPatience;
}

}  // namespace

FakeCachefilesDevice::Opened FakeCachefilesDevice::Open(const std::string& cookie,
                                                        const std::string& volume) {
  uint32_t object_id;
  {
    MutexLock lock(mutex_);
    object_id = next_object_id_++;
  }
  return {object_id, CopenOf(SendOpen(object_id, cookie, volume))};
}

uint32_t FakeCachefilesDevice::SendOpen(uint32_t object_id, const std::string& cookie,
                                        const std::string& volume) {
  const cachefiles_open open = {.volume_key_size = static_cast<uint32_t>(volume.size() + 1),
                                .cookie_key_size = static_cast<uint32_t>(cookie.size()),
                                .fd = 0,
                                .flags = 0};
  return Send(CACHEFILES_OP_OPEN, object_id, BytesOf(open) + volume + '\0' + cookie);
}

uint32_t FakeCachefilesDevice::SendRead(uint32_t object_id, uint64_t offset, uint64_t length) {
  return Send(CACHEFILES_OP_READ, object_id, BytesOf(cachefiles_read{offset, length}));
}

void FakeCachefilesDevice::SendReadAs(uint32_t msg_id, uint32_t object_id, uint64_t offset, uint64_t length) {
  {
    MutexLock lock(mutex_);
    next_msg_id_ = msg_id;
  }
  SendRead(object_id, offset, length);
}

void FakeCachefilesDevice::SendClose(uint32_t object_id) {
  Send(CACHEFILES_OP_CLOSE, object_id, "");
}

uint32_t FakeCachefilesDevice::Send(uint32_t opcode, uint32_t object_id, const std::string& body) {
  MutexLock lock(mutex_);
  const uint32_t msg_id = next_msg_id_++;
  const cachefiles_msg header = {.msg_id = msg_id,
                                 .opcode = opcode,
                                 .len = static_cast<uint32_t>(sizeof(header) + body.size()),
                                 .object_id = object_id};
  Message message = {BytesOf(header) + body, std::nullopt};
  if (opcode == CACHEFILES_OP_OPEN) {
    message.opens = object_id;
    opens_[msg_id] = object_id;
  }
  if (opcode == CACHEFILES_OP_READ) reads_[msg_id] = object_id;
  messages_.push_back(std::move(message));
  changed_.NotifyAll();
  return msg_id;
}

void FakeCachefilesDevice::SendRaw(const std::string& message) {
  MutexLock lock(mutex_);
  messages_.push_back({message, std::nullopt});
  changed_.NotifyAll();
}

std::optional<int64_t> FakeCachefilesDevice::CopenOf(uint32_t msg_id) {
  const auto deadline = Deadline();
  MutexLock lock(mutex_);
  while (!copens_.contains(msg_id)) {
    if (!changed_.WaitUntil(mutex_, deadline)) return std::nullopt;
  }
  return copens_[msg_id];
}

bool FakeCachefilesDevice::Completed(uint32_t msg_id) {
  const auto deadline = Deadline();
  MutexLock lock(mutex_);
  while (!completed_.contains(msg_id)) {
    if (!changed_.WaitUntil(mutex_, deadline)) return false;
  }
  return true;
}

bool FakeCachefilesDevice::CompletedByNow(uint32_t msg_id) {
  MutexLock lock(mutex_);
  return completed_.contains(msg_id);
}

void FakeCachefilesDevice::ForgetRead(uint32_t msg_id) {
  MutexLock lock(mutex_);
  reads_.erase(msg_id);
}

bool FakeCachefilesDevice::Drained() {
  const auto deadline = Deadline();
  MutexLock lock(mutex_);
  while (!idle_ || HasRequests()) {
    if (!changed_.WaitUntil(mutex_, deadline)) return false;
  }
  return true;
}

std::string FakeCachefilesDevice::Bytes(uint32_t object_id, const ByteRange& range) {
  MutexLock lock(mutex_);
  std::string bytes(range.length, '\0');
  const ssize_t got = pread(objects_.at(object_id).kernel_fd.get(), bytes.data(), bytes.size(),
                            static_cast<off_t>(range.offset));
  bytes.resize(got < 0 ? 0 : static_cast<size_t>(got));
  return bytes;
}

bool FakeCachefilesDevice::HasHole(uint32_t object_id, const ByteRange& range) {
  MutexLock lock(mutex_);
  const int fd = objects_.at(object_id).kernel_fd.get();
  const off_t hole = lseek(fd, static_cast<off_t>(range.offset), SEEK_HOLE);
  return hole < 0 || static_cast<uint64_t>(hole) < range.end();
}

bool FakeCachefilesDevice::IsHeld(uint32_t object_id) {
  MutexLock lock(mutex_);
  return Holds(object_id);
}

bool FakeCachefilesDevice::IsCloseOnExec(uint32_t object_id) {
  MutexLock lock(mutex_);
  return Holds(object_id) && (fcntl(objects_.at(object_id).daemon_fd, F_GETFD) & FD_CLOEXEC) != 0;
}

bool FakeCachefilesDevice::Holds(uint32_t object_id) {
  const auto object = objects_.find(object_id);
  return object != objects_.end() && SameFile(object->second.kernel_fd.get(), object->second.daemon_fd);
}

void FakeCachefilesDevice::Die(int error) {
  MutexLock lock(mutex_);
  death_ = error;
  changed_.NotifyAll();
}

void FakeCachefilesDevice::Break() {
  MutexLock lock(mutex_);
  broken_ = true;
  changed_.NotifyAll();
}

void FakeCachefilesDevice::FailNextReceive(int error) {
  MutexLock lock(mutex_);
  next_failure_ = error;
  changed_.NotifyAll();
}

void FakeCachefilesDevice::FailCommands(const std::string& prefix, int error) {
  MutexLock lock(mutex_);
  failures_[prefix] = error;
}

void FakeCachefilesDevice::FailCompletions(int error) {
  MutexLock lock(mutex_);
  completion_error_ = error;
}

void FakeCachefilesDevice::AskForCulling() {
  MutexLock lock(mutex_);
  culling_ = true;
  changed_.NotifyAll();
}

void FakeCachefilesDevice::AlwaysSayRequests() {
  MutexLock lock(mutex_);
  always_ready_ = true;
  changed_.NotifyAll();
}

void FakeCachefilesDevice::KeepBusy(const std::string& name, int times) {
  MutexLock lock(mutex_);
  busy_[name] = times;
}

std::vector<std::string> FakeCachefilesDevice::commands() {
  MutexLock lock(mutex_);
  return commands_;
}

int FakeCachefilesDevice::waits() {
  MutexLock lock(mutex_);
  return waits_;
}

int FakeCachefilesDevice::waits_for_culling() {
  MutexLock lock(mutex_);
  return waits_for_culling_;
}

bool FakeCachefilesDevice::closed() {
  MutexLock lock(mutex_);
  return closed_;
}

int FakeCachefilesDevice::violations() {
  MutexLock lock(mutex_);
  return violations_;
}

int FakeCachefilesDevice::Command(absl::string_view command) {
  MutexLock lock(mutex_);
  if (closed_) return EBADF;
  commands_.emplace_back(command);
  const std::string text(command);
  for (const auto& [prefix, error] : failures_) {
    if (absl::StartsWith(text, prefix)) return error;
  }
  if (absl::StartsWith(text, "cull ")) return Cull(text.substr(5));
  if (absl::StartsWith(text, "copen ")) return Copen(text.substr(6));
  return 0;
}

int FakeCachefilesDevice::Cull(const std::string& name) {
  if (busy_[name] > 0) {
    --busy_[name];
    return EBUSY;
  }
  if (name.find('/') != std::string::npos) return EINVAL;
  return std::filesystem::remove(std::filesystem::current_path() / name) ? 0 : ENOENT;
}

int FakeCachefilesDevice::Copen(const std::string& answer) {
  const auto msg_id = static_cast<uint32_t>(std::stoul(answer));
  const int64_t size = std::stoll(answer.substr(answer.find(',') + 1));
  const auto open = opens_.find(msg_id);
  if (open == opens_.end()) return EINVAL;
  const auto object = objects_.find(open->second);
  if (size > 0 && object != objects_.end() && ftruncate(object->second.kernel_fd.get(), size) != 0) {
    return EIO;
  }
  opens_.erase(open);
  copens_[msg_id] = size;
  changed_.NotifyAll();
  return 0;
}

ssize_t FakeCachefilesDevice::Receive(absl::Span<char> buffer) {
  MutexLock lock(mutex_);
  if (death_ != 0) return -death_;
  if (next_failure_ != 0) return -std::exchange(next_failure_, 0);
  if (messages_.empty()) return 0;
  Message& message = messages_.front();
  if (message.bytes.size() > buffer.size()) return -EMSGSIZE;
  if (message.opens.has_value()) {
    Object& object = objects_[*message.opens];
    object.kernel_fd = UniqueFd(memfd_create("object", MFD_CLOEXEC));
    object.daemon_fd = fcntl(object.kernel_fd.get(), F_DUPFD, 0);
    const auto fd = static_cast<uint32_t>(object.daemon_fd);
    std::memcpy(message.bytes.data() + sizeof(cachefiles_msg) + offsetof(cachefiles_open, fd), &fd,
                sizeof(fd));
  }
  const auto size = static_cast<ssize_t>(message.bytes.size());
  std::memcpy(buffer.data(), message.bytes.data(), message.bytes.size());
  messages_.pop_front();
  return size;
}

CachefilesEvents FakeCachefilesDevice::Wait(bool for_culling, std::chrono::milliseconds timeout) {
  MutexLock lock(mutex_);
  ++waits_;
  waits_for_culling_ += for_culling ? 1 : 0;
  const auto deadline = timeout.count() < 0 ? Deadline() : std::chrono::steady_clock::now() + timeout;
  while (!HasRequests() && !always_ready_ && !woken_ && !broken_ && !(for_culling && culling_)) {
    idle_ = true;
    changed_.NotifyAll();
    if (!changed_.WaitUntil(mutex_, deadline)) break;
  }
  idle_ = always_ready_;
  return {.requests = HasRequests() || always_ready_, .culling = for_culling && culling_, .broken = broken_};
}

bool FakeCachefilesDevice::HasRequests() const {
  return !messages_.empty() || death_ != 0 || next_failure_ != 0;
}

void FakeCachefilesDevice::Wake() {
  MutexLock lock(mutex_);
  woken_ = true;
  changed_.NotifyAll();
}

int FakeCachefilesDevice::CompleteRead(int object_fd, uint32_t msg_id) {
  MutexLock lock(mutex_);
  if (completion_error_ != 0) return completion_error_;
  const auto read = reads_.find(msg_id);
  if (read == reads_.end()) return EINVAL;
  const auto object = objects_.find(read->second);
  if (object == objects_.end() || !SameFile(object->second.kernel_fd.get(), object_fd)) {
    ++violations_;
    return EINVAL;
  }
  reads_.erase(read);
  completed_.insert(msg_id);
  changed_.NotifyAll();
  return 0;
}

void FakeCachefilesDevice::Close() {
  MutexLock lock(mutex_);
  if (std::exchange(closed_, true)) return;
  for (const auto& [id, object] : objects_) violations_ += Holds(id) ? 1 : 0;
  changed_.NotifyAll();
}

}  // namespace lacuna
