// The fuse door: one FUSE file for each object, EROFS mounted on it (KERNEL.md section 2).
//
// There is one FUSE connection. Its file system is attached nowhere: the door holds the mount's descriptor,
// and a symlink of ours leads there, `<run_dir>/fuse` -> /proc/self/fd/N, so that the mount table shows names
// that can be read. It resolves in this process only. The file system ends with the last EROFS on it.
// Connection and mount are left to the keeper, and a door that finds them there takes them over.
//
// Callers: the daemon's threads, never the door's. Thread-safe after Start; Start may be called once.
#pragma once

#include <memory>
#include <string>

#include "cachefiles/fuse_session.h"
#include "cachefiles/keeper.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

class FuseDoor : public OnDemandDoor {
 public:
  struct Options {
    std::string run_dir;    // exists, and is ours
    bool use_loop = false;  // ask for loop devices: this kernel cannot mount EROFS from files (before 6.12)
  };

  // `pool` reads the backing files; both outlive Stop().
  FuseDoor(Options options, Keeper& keeper, WorkerPool& pool);
  ~FuseDoor() override;

  absl::string_view name() const override { return "fuse"; }
  bool keeps_objects() const override { return false; }
  absl::Status Start(DoorHandler& handler) override;
  absl::Status Serve() override;
  bool took_over() const override;
  // InvalidArgument for an object without a file or of no whole number of blocks. FailedPrecondition when the
  // door is not running.
  absl::StatusOr<MountSpec> Publish(const PublishedImage& image) override;
  // The space is the object store's to give back: this only says whether it may.
  absl::Status Cull(const ObjectKey& key) override;
  bool IsOpen(const ObjectKey& key) const override;
  uint64_t KeptBytes(const ObjectKey&) const override { return 0; }
  void Stop() override;

  FuseCounters counters() const;

 private:
  class Publication;
  struct Connection {
    UniqueFd device;
    UniqueFd mount;
  };

  std::string link() const { return options_.run_dir + "/fuse"; }
  // A new one, left to the keeper too.
  absl::StatusOr<Connection> Connect();
  // What the kernel opens for `object`.
  absl::StatusOr<std::string> Show(const PublishedObject& object, Publication& publication);

  const Options options_;
  Keeper& keeper_;
  WorkerPool& pool_;
  const std::shared_ptr<FuseObjects> objects_;

  mutable Mutex mutex_;
  bool took_over_ ABSL_GUARDED_BY(mutex_) = false;
  UniqueFd mount_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<FuseSession> session_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
