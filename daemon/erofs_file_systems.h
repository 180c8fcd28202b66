// The file systems that mounts show: each image's EROFS is mounted once, under RUN/mounts/. (The kernel
// mounts an fsid once only, so on the cachefiles door there is no other way.)
//
// Caller: ErofsMounts. Thread-safe. Making one may wait for the network (the kernel reads the superblock and
// the root inode through the door), but never under the lock.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"
#include "daemon/cache_db.h"
#include "daemon/detached_file_systems.h"
#include "daemon/erofs_file_system.h"
#include "daemon/open_image.h"

namespace lacuna {

class ErofsFileSystems {
 public:
  // They are mounted under `mounts_dir`, which exists. `door` and `db` outlive this and all that it makes.
  ErofsFileSystems(OnDemandDoor& door, CacheDb& db, std::string mounts_dir, std::string boot_id);

  // The image's file system: the one that is mounted, or a new one. It is recorded before the kernel hears of
  // it; what cannot be recorded is not mounted, since nobody could take it over.
  absl::StatusOr<std::shared_ptr<ErofsFileSystem>> Share(const OpenImage& image);
  // The same around a file system that a daemon that died had recorded and mounted. Makes no mount and waits
  // for nothing.
  absl::StatusOr<std::shared_ptr<ErofsFileSystem>> Adopt(const OpenImage& image,
                                                         const std::string& mount_point);

  // Those that have ended.
  DetachedFileSystems& detached() { return *detached_; }

 private:
  absl::StatusOr<std::shared_ptr<ErofsFileSystem>> Make(const OpenImage& image);
  // A new directory, recorded as the image's mount point.
  absl::StatusOr<std::string> TakeMountPoint(const OpenImage& image);
  std::string NextMountPoint(const OpenImage& image);
  absl::StatusOr<MountSpec> MountAt(const OpenImage& image, const std::string& mount_point);

  OnDemandDoor& door_;
  CacheDb& db_;
  const std::string mounts_dir_;
  const std::string boot_id_;
  const std::shared_ptr<DetachedFileSystems> detached_;

  Mutex mutex_;
  CondVar made_;
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  // By the keys of their objects: the manifests of two images may differ in nothing that matters here.
  std::set<std::vector<ObjectKey>> being_made_ ABSL_GUARDED_BY(mutex_);
  std::map<std::vector<ObjectKey>, std::weak_ptr<ErofsFileSystem>> mounted_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
