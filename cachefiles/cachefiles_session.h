// The daemon's end of a bound /dev/cachefiles: the thread that takes messages from it until it is stopped or
// the device dies. It begins with the objects that a predecessor left open, and asks for its requests anew.
//
// Callers: CachefilesDoor. Thread-safe after Start.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <latch>
#include <memory>
#include <thread>

#include "cachefiles/cachefiles_device.h"
#include "cachefiles/cachefiles_requests.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class CachefilesSession {
 public:
  // `device` is bound. `make_space` is called at times when the kernel asks for culling, and returns at once.
  CachefilesSession(std::shared_ptr<CachefilesDevice> device, Keeper& keeper,
                    std::unique_ptr<CachefilesRequests> requests, std::function<void()> make_space);
  ~CachefilesSession();

  // When it returns, the handler knows of the objects that the kernel has open since a predecessor's time.
  void Start();
  // Ends the thread, which closes everything as its last act (CachefilesRequests::CloseAll). Idempotent. Not
  // from the session's own thread.
  void Stop();

  // False once the device is dead, or after Stop.
  bool running() const { return running_; }
  CachefilesCounters counters() const { return requests_->counters(); }

 private:
  // On the session's thread only. An error ends the session.
  void Loop();
  absl::Status TakeOver();
  absl::Status Serve();
  absl::Status TakeMessages();
  void MakeSpace();
  std::chrono::milliseconds UntilCullingIsAskedFor() const;

  const std::shared_ptr<CachefilesDevice> device_;
  Keeper& keeper_;
  const std::unique_ptr<CachefilesRequests> requests_;
  const std::function<void()> make_space_;
  std::chrono::steady_clock::time_point next_culling_;  // of the thread
  std::latch inherited_{1};
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> running_ = true;

  Mutex stop_mutex_;  // one Stop at a time
  std::thread thread_ ABSL_GUARDED_BY(stop_mutex_);
};

}  // namespace lacuna
