// Mounted images: each image's EROFS is mounted once (erofs_file_systems.h), and bind-mounted wherever
// somebody wants it. What is mounted is recorded, so that it survives the daemon.
//
// Callers: Daemon, on control threads. Thread-safe. A mount may wait for the network, but never under the
// lock, so that List and other images go on. Must not be called from a door's thread: the kernel asks that
// very thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/adoption_plan.h"
#include "daemon/base/mutex.h"
#include "daemon/cache_db.h"
#include "daemon/control.h"
#include "daemon/erofs_file_systems.h"
#include "daemon/open_image.h"

namespace lacuna {

class ErofsMounts {
 public:
  // File systems are mounted under `mounts_dir`, which exists, by the kernel of `boot_id`. `door` and `db`
  // outlive this, and what Hold returns.
  ErofsMounts(OnDemandDoor& door, CacheDb& db, std::string mounts_dir, std::string boot_id);

  // AlreadyExists when the directory has a mount of ours; InvalidArgument when it is no usable directory.
  // The database's error when the mount cannot be recorded.
  absl::StatusOr<MountInfo> Mount(const OpenImage& image, const std::string& directory);
  // Has a directory show the image that `open` gives, which is called only if nothing of ours is shown there
  // yet; waits while that is being made. Errors as Mount has them, and those of `open`.
  absl::Status Ensure(const std::string& directory, absl::FunctionRef<absl::StatusOr<OpenImage>()> open);
  // Mounts the image where nobody sees it, for as long as the pointer is kept. For a door that keeps the
  // objects' bytes: they are open only so.
  absl::StatusOr<std::shared_ptr<void>> Hold(const OpenImage& image);
  // NotFound when the directory is no mount of ours; FailedPrecondition, naming who holds it, when busy and
  // not `lazy`.
  absl::Status Unmount(const std::string& directory, bool lazy);

  // Lets go of what somebody unmounted without asking us (umount(8)), and of the records of file systems that
  // nobody uses any more; once the door has stopped nobody does. Part of Mount and List.
  void ForgetUnmounted();
  std::vector<MountInfo> List();
  // How many directories show an image that holds the object.
  uint32_t MountsOf(const ObjectKey& key) const;
  uint32_t MountsOf(const Digest& manifest_digest) const;

  // Opens the objects of what was mounted before, without asking anybody.
  using OpenRecorded = std::function<absl::StatusOr<OpenImage>(const FileSystemRecord&)>;
  // Takes over what a daemon that died has left mounted through this door, which was started and does not
  // serve yet; before the first Mount. Publishes all of which the kernel may have files open; touches no
  // mount, and what cannot be opened it leaves for FinishAdoption, with a warning. An error when the records
  // or the mount table cannot be read.
  absl::Status Adopt(const OpenRecorded& open);
  // The door serves: detaches what was left mounted and nobody shows, knows or can serve.
  void FinishAdoption();

 private:
  struct Mounted {
    MountInfo info;
    std::shared_ptr<ErofsFileSystem> file_system;  // null while the mount is being made
    bool unmounting = false;
  };

  // The directories of mounts that are gone, which are marked as being unmounted.
  std::vector<std::string> TakeUnmounted();
  absl::Status Reserve(const std::string& directory);
  // The same, after those who make or unmount it. False when it is shown then.
  bool WaitAndReserve(const std::string& directory);
  // Of a directory that nothing came of.
  void LetGo(const std::string& directory);
  absl::StatusOr<MountInfo> Show(const OpenImage& image, const std::string& directory);
  // Of a mount that is marked as being unmounted, and now is.
  Mounted Forget(const std::string& directory);
  MountInfo InfoOf(const MountRecord& mount) const;
  void RemoveRecord(const std::string& directory);

  absl::Status Adopt(const AdoptionPlan::FileSystem& found, const OpenRecorded& open);
  // What cannot be adopted, for `reason`.
  void GiveUp(const AdoptionPlan::FileSystem& found, const absl::Status& reason);

  OnDemandDoor& door_;
  CacheDb& db_;
  const std::string mounts_dir_;
  const std::string boot_id_;
  ErofsFileSystems file_systems_;

  Mutex forget_mutex_;  // one ForgetUnmounted at a time: when it returns, what was unmounted is forgotten
  mutable Mutex mutex_;
  CondVar settled_;                                                 // a mount was made, was not, or is gone
  std::map<std::string, Mounted> mounted_ ABSL_GUARDED_BY(mutex_);  // by directory
  // Between Adopt and FinishAdoption.
  std::vector<std::shared_ptr<ErofsFileSystem>> adopted_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> lost_devices_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
