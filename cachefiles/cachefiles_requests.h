// What the kernel asks for at the cachefiles door: each message to what is done about it.
//
// An object of the engine's is the DoorHandler's affair; a local one is filled by the door (local_fill.h).
// Nothing here touches a disk, a network or a mount: an OPEN that is not answered hangs a mount(2) that no
// signal ends.
// Caller: CachefilesSession, on its thread; counters() from any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cachefiles/cachefiles_device.h"
#include "cachefiles/cachefiles_objects.h"
#include "cachefiles/cachefiles_reads.h"
#include "cachefiles/cachefiles_wire.h"
#include "cachefiles/log_throttle.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

struct CachefilesCounters {
  uint64_t opens = 0;
  uint64_t failed_opens = 0;  // answered with an error, or given up by the kernel
  uint64_t reads = 0;
  uint64_t closes = 0;
  uint64_t unknown_objects = 0;     // READ or CLOSE of an object that is not open
  uint64_t unknown_operations = 0;  // a newer kernel's
  uint64_t malformed_messages = 0;
  uint64_t errors_answered = 0;   // reads that ended with EIO
  uint64_t late_completions = 0;  // reads whose reader was killed before their answer
};

class CachefilesRequests {
 public:
  // `keeper`, `pool` and `handler` outlive CloseAll().
  CachefilesRequests(std::shared_ptr<CachefilesDevice> device, Keeper& keeper,
                     std::shared_ptr<CachefilesObjects> objects, DoorHandler& handler, WorkerPool& pool);

  // An object that the kernel has open since a predecessor's time. One that nobody has published again fails
  // its reads.
  void Inherit(Keeper::Object object);
  // Acts on one message. An error means that the device is dead.
  absl::Status OnMessage(absl::Span<const char> message);
  // The kernel failed an open itself, with this errno value, instead of handing it over.
  void OnLostOpen(int error);
  // Answers all reads, closes the objects' descriptors and then the device. No OnMessage after it.
  void CloseAll();

  CachefilesCounters counters() const;

 private:
  absl::Status OnMalformed(absl::Span<const char> message, const absl::Status& why);
  absl::Status On(const CachefilesRequest& request, const CachefilesOpen& open);
  absl::Status On(const CachefilesRequest& request, const CachefilesClose&);
  absl::Status On(const CachefilesRequest& request, const CachefilesRead& read);
  void BeginToFill(const CachefilesObjectRef& object);
  absl::StatusOr<uint64_t> TellOfOpen(const CachefilesObject& object);
  absl::Status RefuseOpen(uint32_t msg_id, const absl::Status& why);
  absl::Status OnUnknownObject(absl::string_view operation, ObjectId id);
  void CloseObject(const CachefilesObjectRef& object);
  void CloseDescriptor(const std::shared_ptr<SharedFd>& fd);

  const std::shared_ptr<CachefilesDevice> device_;
  Keeper& keeper_;
  const std::shared_ptr<CachefilesObjects> objects_;
  const std::shared_ptr<CachefilesReads> reads_;
  DoorHandler& handler_;
  WorkerPool& pool_;
  std::vector<std::shared_ptr<SharedFd>> closing_;  // somebody still writes through them
  LogThrottle failed_opens_log_;
  LogThrottle odd_messages_log_;
  std::atomic<uint64_t> opens_ = 0;
  std::atomic<uint64_t> failed_opens_ = 0;
  std::atomic<uint64_t> read_requests_ = 0;
  std::atomic<uint64_t> closes_ = 0;
  std::atomic<uint64_t> unknown_objects_ = 0;
  std::atomic<uint64_t> unknown_operations_ = 0;
  std::atomic<uint64_t> malformed_messages_ = 0;
};

}  // namespace lacuna
