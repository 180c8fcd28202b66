// Mounted images: each image's EROFS is mounted once, under RUN/mounts/, and bind-mounted wherever somebody
// wants it. (The kernel mounts an fsid once only, so on the cachefiles door there is no other way.)
//
// Callers: Daemon, on control threads. Thread-safe. A mount may wait for the network (the kernel reads the
// superblock and the root inode through the door) but never under the lock, so that List and other images go
// on. Must not be called from a door's thread: the kernel asks that very thread.
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
#include "daemon/control.h"
#include "daemon/open_image.h"

namespace lacuna {

class ErofsMounts {
 public:
  // File systems are mounted under `mounts_dir`, which exists. `door` outlives this.
  ErofsMounts(OnDemandDoor& door, std::string mounts_dir);

  // AlreadyExists when the directory has a mount of ours; InvalidArgument when it is no usable directory.
  absl::StatusOr<MountInfo> Mount(const OpenImage& image, const std::string& directory);
  // Mounts the image where nobody sees it, for as long as the pointer is kept. For a door that keeps the
  // objects' bytes: they are open only so.
  absl::StatusOr<std::shared_ptr<void>> Hold(const OpenImage& image);
  // NotFound when the directory is no mount of ours; FailedPrecondition, naming who holds it, when busy and
  // not `lazy`.
  absl::Status Unmount(const std::string& directory, bool lazy);

  std::vector<MountInfo> List();
  // How many directories show an image that holds the object.
  uint32_t MountsOf(const ObjectKey& key) const;
  uint32_t MountsOf(const Digest& manifest_digest) const;

  // Detaches what a daemon that died left mounted under `mounts_dir`, with all its bind mounts, and removes
  // its mount points. Before the first Mount. Returns the directories that were detached.
  static absl::StatusOr<std::vector<std::string>> DetachLeftovers(const std::string& mounts_dir);

 private:
  class FileSystem;

  struct Mounted {
    MountInfo info;
    std::shared_ptr<FileSystem> file_system;  // null while the mount is being made
    bool unmounting = false;
  };

  // Lets go of what somebody unmounted without asking us (umount(8)).
  void ForgetUnmounted();
  absl::Status Reserve(const std::string& directory);
  absl::StatusOr<std::shared_ptr<FileSystem>> ShareFileSystem(const OpenImage& image);
  absl::StatusOr<std::shared_ptr<FileSystem>> MakeFileSystem(const OpenImage& image);
  absl::StatusOr<MountInfo> Show(const OpenImage& image, const std::string& directory);

  OnDemandDoor& door_;
  const std::string mounts_dir_;

  mutable Mutex mutex_;
  CondVar made_;
  uint64_t next_number_ ABSL_GUARDED_BY(mutex_) = 0;
  // By the keys of their objects: the manifests of two images may differ in nothing that matters here.
  std::set<std::vector<ObjectKey>> being_made_ ABSL_GUARDED_BY(mutex_);
  std::map<std::vector<ObjectKey>, std::weak_ptr<FileSystem>> file_systems_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Mounted> mounted_ ABSL_GUARDED_BY(mutex_);  // by directory
};

}  // namespace lacuna
