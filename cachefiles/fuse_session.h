// The daemon's end of one FUSE connection: one thread that takes requests and acts on them.
//
// What is known without a disk is answered on that thread at once; a READ goes to the DoorHandler and is
// answered later (fuse_reads.h). Nothing here touches a disk or a mount. It begins with what a predecessor
// left: the files that the kernel has open, then the requests that were taken and not answered.
// Callers: FuseDoor; tests drive it over a socket pair. Thread-safe after Start.
#pragma once

#include <atomic>
#include <cstdint>
#include <latch>
#include <memory>
#include <thread>

#include "cachefiles/fuse_channel.h"
#include "cachefiles/fuse_objects.h"
#include "cachefiles/fuse_reads.h"
#include "cachefiles/fuse_wire.h"
#include "cachefiles/keeper.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/unique_fd.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

struct FuseCounters {
  uint64_t errors_answered = 0;     // reads that ended with EIO
  uint64_t malformed_requests = 0;  // could not be parsed, or used a number twice
  uint64_t protocol_errors = 0;     // a release or read that does not match what the kernel was given
};

class FuseSession {
 public:
  // `device` as FuseChannel wants it. `keeper` and `pool` outlive Stop().
  FuseSession(UniqueFd device, Keeper& keeper, std::shared_ptr<FuseObjects> objects, DoorHandler& handler,
              WorkerPool& pool);
  ~FuseSession();

  // Begins to take requests, on a thread of its own. When it returns, the handler knows of the files that a
  // predecessor had open.
  absl::Status Start();
  // Ends the thread, answers everything outstanding with EIO, closes the device. Idempotent. Not from the
  // session's own thread.
  void Stop();

  // False once the kernel has ended the connection, or after Stop.
  bool running() const { return running_; }
  FuseCounters counters() const;

 private:
  // On the session's thread only.
  void Loop();
  void Inherit(absl::Span<char> buffer);
  void Serve(absl::Span<char> buffer);
  bool WaitForRequest();
  absl::Status TakeRequests(absl::Span<char> buffer);
  void OnMessage(absl::Span<const char> message);
  void On(const FuseRequest& request, const FuseInit& init);
  void On(const FuseRequest& request, const FuseLookup& lookup);
  void On(const FuseRequest& request, const FuseGetattr&);
  void On(const FuseRequest& request, const FuseOpen& open);
  void On(const FuseRequest& request, const FuseRead& read);
  void On(const FuseRequest& request, const FuseRelease& release);
  void On(const FuseRequest& request, const FuseStatfs&);
  void On(const FuseRequest&, const FuseSilent&) {}
  void On(const FuseRequest& request, const FuseRefused& refused);
  absl::Status TellHandlerOfOpen(const FuseObject& object);
  void CountProtocolError(absl::string_view what);

  Lifeline& lifeline_;
  const std::shared_ptr<FuseObjects> objects_;
  const std::shared_ptr<FuseChannel> channel_;
  const std::shared_ptr<FuseReads> reads_;
  DoorHandler& handler_;
  UniqueFd wake_;  // an eventfd: Stop was called
  std::latch inherited_{1};
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> running_ = true;
  std::atomic<uint64_t> malformed_requests_ = 0;
  std::atomic<uint64_t> protocol_errors_ = 0;

  Mutex stop_mutex_;  // one Stop at a time
  std::thread thread_ ABSL_GUARDED_BY(stop_mutex_);
};

}  // namespace lacuna
