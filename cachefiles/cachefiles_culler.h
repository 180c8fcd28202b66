// Gives space of the cachefiles cache back, file by file.
//
// The kernel's `cull` command acts on the caller's working directory, so one thread has a working directory
// of its own (unshare(CLONE_FS)) and does all of it. The kernel refuses what is in use; nothing here can take
// a file away from a mount.
// Callers: CachefilesDoor (Cull), its session's thread (MakeSpace). Thread-safe.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "cachefiles/cachefiles_device.h"
#include "cachefiles/cachefiles_folder.h"
#include "cachefiles/cachefiles_wire.h"
#include "cachefiles/object_key.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

class CachefilesCuller {
 public:
  // `dir` and `limits` as the device was bound with.
  CachefilesCuller(std::string dir, const CachefilesLimits& limits, std::shared_ptr<CachefilesDevice> device);
  // Ends within one file's removal.
  ~CachefilesCuller();

  // Removes the object's file. OK when there is none, FailedPrecondition while the kernel uses it. For
  // `patience` it tries again: after a CLOSE the kernel is not done with the file for a moment, and a new one
  // appears only then (`appears`: one is expected).
  absl::Status Cull(const ObjectKey& key, std::chrono::milliseconds patience, bool appears);

  // Removes what was used the longest ago until the file system has the limits' `run` free again, or nothing
  // unused is left. Returns at once; does nothing while an earlier call is at work.
  void MakeSpace();

  // Called before the device is closed. What waits ends with Unavailable.
  void Stop() { stopping_ = true; }

  // Files removed.
  uint64_t culled() const { return culled_; }

 private:
  absl::Status CullNow(const ObjectKey& key, std::chrono::milliseconds patience, bool appears);
  void MakeSpaceNow();
  bool HasSpace() const;
  // 0 or an errno value.
  int Remove(const CacheFile& file);

  const std::string dir_;
  const CachefilesLimits limits_;
  const std::shared_ptr<CachefilesDevice> device_;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> making_space_ = false;
  std::atomic<uint64_t> culled_ = 0;
  bool own_directory_ = false;  // of the thread
  bool warned_ = false;         // of the thread: nothing could be culled, since the last time something was
  WorkerPool thread_{1};        // last: it uses the members above
};

}  // namespace lacuna
