// The cachefiles door: the kernel keeps the objects' bytes in files of its own, reads them without asking,
// and sends a request for each hole that a reader meets (KERNEL.md section 1). Linux 5.19 to 7.1, where built
// so. Where it can give requests anew to a successor (`restore`: Linux 6.8, and 6.1 and 6.6 of 2024), the
// device and the open objects are left to the keeper, and a door that finds them there takes them over.
//
// Callers: the daemon's threads, never the door's. Thread-safe after Start; Start succeeds once.
#pragma once

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "cachefiles/cachefiles_culler.h"
#include "cachefiles/cachefiles_session.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

class CachefilesDoor : public OnDemandDoor {
 public:
  struct Options {
    std::string cache_dir;  // exists, on ext4 or xfs; the kernel's from here on
    CachefilesLimits limits;
  };
  using OpenDevice = absl::AnyInvocable<absl::StatusOr<std::shared_ptr<CachefilesDevice>>()>;

  // `pool` fills local objects; both outlive Stop().
  CachefilesDoor(Options options, Keeper& keeper, WorkerPool& pool,
                 OpenDevice open_device = CachefilesFd::Open);
  ~CachefilesDoor() override;

  absl::string_view name() const override { return "cachefiles"; }
  bool keeps_objects() const override { return true; }
  absl::Status Start(DoorHandler& handler) override;
  absl::Status Serve() override;
  bool took_over() const override;
  // An object has either no file, and is the engine's, or a finished one, which the door copies to the
  // kernel. InvalidArgument for others, for no whole number of blocks and for a name over 252 bytes.
  // FailedPrecondition when the door is not running.
  absl::StatusOr<MountSpec> Publish(const PublishedImage& image) override;
  // May wait up to two seconds for the kernel to let go of an object that was just unmounted.
  absl::Status Cull(const ObjectKey& key) override;
  bool IsOpen(const ObjectKey& key) const override;
  uint64_t KeptBytes(const ObjectKey& key) const override;
  void Stop() override;

  CachefilesCounters counters() const;
  // Files that were removed for their space.
  uint64_t culled() const;

 private:
  class Publication;

  // A new one, bound, and left to the keeper where that is of use.
  absl::StatusOr<std::shared_ptr<CachefilesDevice>> Connect();

  const Options options_;
  Keeper& keeper_;
  WorkerPool& pool_;
  OpenDevice open_device_;  // used by Start
  const std::shared_ptr<CachefilesObjects> objects_ = std::make_shared<CachefilesObjects>();

  mutable Mutex mutex_;
  bool took_over_ ABSL_GUARDED_BY(mutex_) = false;
  std::shared_ptr<CachefilesCuller> culler_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<CachefilesSession> session_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
