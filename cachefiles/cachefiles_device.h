// The kernel behind the cachefiles door: /dev/cachefiles and the objects' descriptors.
//
// A seam: CachefilesFd is the real one, tests/fakes/fake_cachefiles_device.h plays the kernel. It passes on
// what it gets and decides nothing. Callers: CachefilesSession's thread (Receive, Wait), the culler and all
// who answer reads. Thread-safe, except that Receive and Wait are for one thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cachefiles/keeper.h"
#include "cachefiles/shared_fd.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// Why Wait returned; nothing set: the time is up, or Wake.
struct CachefilesEvents {
  bool requests = false;  // Receive has something, as far as the kernel knows
  bool culling = false;   // the cache's file system is short of space; true at every look until it is not
  bool broken = false;    // nothing will come any more
};

class CachefilesDevice {
 public:
  virtual ~CachefilesDevice() = default;

  // Gives the kernel one command, in the calling thread's working directory. 0 or an errno value.
  virtual int Command(absl::string_view command) = 0;
  // Takes one message. Its size; 0 when none waits; a negative errno value.
  virtual ssize_t Receive(absl::Span<char> buffer) = 0;
  // `for_culling`: return for culling too. A negative timeout waits for ever.
  virtual CachefilesEvents Wait(bool for_culling, std::chrono::milliseconds timeout) = 0;
  // Makes this Wait or the next one, and all later ones, return. For the end.
  virtual void Wake() = 0;
  // Answers a READ through its object's descriptor. Does not block. 0 or an errno value.
  virtual int CompleteRead(int object_fd, uint32_t msg_id) = 0;
  // From here on the device lives as long as the keeper.
  virtual absl::Status LeaveTo(Keeper& keeper) = 0;
  // The kernel then fails all that still waits, unless the device was left to a keeper. Idempotent.
  virtual void Close() = 0;
};

class CachefilesFd : public CachefilesDevice {
 public:
  // `device` is non-blocking: /dev/cachefiles, or in tests one end of a SOCK_SEQPACKET socket pair.
  static absl::StatusOr<std::shared_ptr<CachefilesDevice>> Make(UniqueFd device);
  // /dev/cachefiles itself. The message of an error says what to do.
  static absl::StatusOr<std::shared_ptr<CachefilesDevice>> Open();

  int Command(absl::string_view command) override;
  ssize_t Receive(absl::Span<char> buffer) override;
  CachefilesEvents Wait(bool for_culling, std::chrono::milliseconds timeout) override;
  void Wake() override;
  int CompleteRead(int object_fd, uint32_t msg_id) override;
  absl::Status LeaveTo(Keeper& keeper) override;
  void Close() override { device_.Close(); }

 private:
  CachefilesFd(UniqueFd device, UniqueFd wake);

  SharedFd device_;
  const UniqueFd wake_;  // an eventfd, never read: it stays ready once written
};

}  // namespace lacuna
