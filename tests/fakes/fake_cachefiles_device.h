// The kernel's end of /dev/cachefiles, played by a test: its objects are memfds, its readers wait on msg_ids.
//
// It keeps the kernel's rules (a READ is completed once, through its own object's descriptor; the device goes
// last) and notes who breaks them. It can be slow, malicious and dying. Thread-safe.
#pragma once

#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cachefiles/cachefiles_device.h"
#include "cachefiles/cachefiles_wire.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class FakeCachefilesDevice : public CachefilesDevice {
 public:
  struct Opened {
    uint32_t object_id = 0;
    std::optional<int64_t> copen;  // the size or -errno; nullopt when there was no answer
  };

  // Sends an OPEN and waits for its copen (at most 20 s).
  Opened Open(const std::string& cookie, const std::string& volume = kCachefilesVolume);
  // The same without waiting, for the object number given. Returns its msg_id.
  uint32_t SendOpen(uint32_t object_id, const std::string& cookie,
                    const std::string& volume = kCachefilesVolume);
  std::optional<int64_t> CopenOf(uint32_t msg_id);
  uint32_t SendRead(uint32_t object_id, uint64_t offset, uint64_t length);
  void SendReadAs(uint32_t msg_id, uint32_t object_id, uint64_t offset, uint64_t length);
  // Waits for its completion (at most 20 s).
  bool Completed(uint32_t msg_id);
  bool CompletedByNow(uint32_t msg_id);
  // As a killed reader does: its completion will be EINVAL.
  void ForgetRead(uint32_t msg_id);
  void SendClose(uint32_t object_id);
  void SendRaw(const std::string& message);
  // Waits until all that was sent was received and acted on: the session asks for more.
  bool Drained();

  // What the kernel would read, and whether the daemon still has its descriptor of the object.
  std::string Bytes(uint32_t object_id, const ByteRange& range);
  bool HasHole(uint32_t object_id, const ByteRange& range);
  bool IsHeld(uint32_t object_id);
  // With FD_CLOEXEC.
  bool IsCloseOnExec(uint32_t object_id);

  // From here on each Receive fails so.
  void Die(int error);
  void Break();
  void FailNextReceive(int error);
  // Commands that begin with `prefix` fail.
  void FailCommands(const std::string& prefix, int error);
  void FailCompletions(int error);
  void AskForCulling();
  // Says, as kernels before 6.8 do, that there are requests while none is.
  void AlwaysSayRequests();
  // `cull` of this name is EBUSY so many times.
  void KeepBusy(const std::string& name, int times);

  std::vector<std::string> commands();
  bool left_to_keeper() const { return left_to_keeper_; }
  int waits();
  int waits_for_culling();
  bool closed();
  // Completions through another object's descriptor, objects still held when the device was closed.
  int violations();

  int Command(absl::string_view command) override;
  ssize_t Receive(absl::Span<char> buffer) override;
  CachefilesEvents Wait(bool for_culling, std::chrono::milliseconds timeout) override;
  void Wake() override;
  int CompleteRead(int object_fd, uint32_t msg_id) override;
  absl::Status LeaveTo(Keeper&) override {
    left_to_keeper_ = true;
    return absl::OkStatus();
  }
  void Close() override;

 private:
  struct Object {
    UniqueFd kernel_fd;
    int daemon_fd = -1;  // its number in our shared descriptor table
  };
  struct Message {
    std::string bytes;
    std::optional<uint32_t> opens;  // the object that gets its descriptor when this is received
  };
  uint32_t Send(uint32_t opcode, uint32_t object_id, const std::string& body);
  bool Holds(uint32_t object_id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasRequests() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Cull(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Copen(const std::string& answer) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<bool> left_to_keeper_ = false;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Message> messages_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, Object> objects_ ABSL_GUARDED_BY(mutex_);
  std::map<uint32_t, uint32_t> opens_ ABSL_GUARDED_BY(mutex_);   // waiting, by msg_id
  std::map<uint32_t, int64_t> copens_ ABSL_GUARDED_BY(mutex_);   // answers, by msg_id
  std::map<uint32_t, uint32_t> reads_ ABSL_GUARDED_BY(mutex_);   // waiting, by msg_id: the object
  std::set<uint32_t> completed_ ABSL_GUARDED_BY(mutex_);         // msg_ids
  std::map<std::string, int> failures_ ABSL_GUARDED_BY(mutex_);  // by prefix of the command
  std::map<std::string, int> busy_ ABSL_GUARDED_BY(mutex_);      // by name
  std::vector<std::string> commands_ ABSL_GUARDED_BY(mutex_);
  uint32_t next_msg_id_ ABSL_GUARDED_BY(mutex_) = 0;
  uint32_t next_object_id_ ABSL_GUARDED_BY(mutex_) = 1;
  int death_ ABSL_GUARDED_BY(mutex_) = 0;
  int next_failure_ ABSL_GUARDED_BY(mutex_) = 0;
  int completion_error_ ABSL_GUARDED_BY(mutex_) = 0;
  int waits_ ABSL_GUARDED_BY(mutex_) = 0;
  int waits_for_culling_ ABSL_GUARDED_BY(mutex_) = 0;
  int violations_ ABSL_GUARDED_BY(mutex_) = 0;
  bool idle_ ABSL_GUARDED_BY(mutex_) = false;  // the session waits, and there is nothing for it
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  bool culling_ ABSL_GUARDED_BY(mutex_) = false;
  bool always_ready_ ABSL_GUARDED_BY(mutex_) = false;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace lacuna
