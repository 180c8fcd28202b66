#include "daemon/erofs_file_systems.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// How long the kernel may take from a mount to the last of its opens.
constexpr std::chrono::seconds kOpenPatience(2);

// A mount that a process still uses after `umount -l`, or after its daemon ended, is known to the kernel
// alone.
absl::Status HeldByOldMount(absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      "a process still uses a detached mount of ", what,
      ", which the kernel does not mount anew before that process ends; `fuser` and `lsof` find it"));
}

// The kernel opens what it mounts, but for objects that another mount holds. Held for a mount of an earlier
// daemon's they are dead, and so are they in every mount that shares them: each read fails.
absl::Status AwaitOpens(const OpenImage& image) {
  const auto deadline = std::chrono::steady_clock::now() + kOpenPatience;
  for (const std::shared_ptr<BlobCache>& object : image.objects) {
    while (object->kept_by_kernel() && !object->open_in_kernel()) {
      if (std::chrono::steady_clock::now() >= deadline) return HeldByOldMount(object->key().text());
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
  }
  return absl::OkStatus();
}

FileSystemRecord RecordOf(const OpenImage& image) {
  return {.reference = image.reference,
          .manifest_digest = image.manifest_digest,
          .plain_http = image.plain_http,
          .objects = image.records};
}

}  // namespace

ErofsFileSystems::ErofsFileSystems(OnDemandDoor& door, CacheDb& db, std::string mounts_dir,
                                   std::string boot_id)
    : door_(door),
      db_(db),
      mounts_dir_(std::move(mounts_dir)),
      boot_id_(std::move(boot_id)),
      detached_(std::make_shared<DetachedFileSystems>(db, door)) {}

absl::StatusOr<std::shared_ptr<ErofsFileSystem>> ErofsFileSystems::Share(const OpenImage& image) {
  const std::vector<ObjectKey> keys = image.Keys();
  {
    MutexLock lock(mutex_);
    while (being_made_.contains(keys)) made_.Wait(mutex_);
    const auto it = mounted_.find(keys);
    if (it != mounted_.end()) {
      if (std::shared_ptr<ErofsFileSystem> existing = it->second.lock()) return existing;
    }
    being_made_.insert(keys);
  }
  absl::StatusOr<std::shared_ptr<ErofsFileSystem>> made = Make(image);
  MutexLock lock(mutex_);
  std::erase_if(mounted_, [](const auto& item) { return item.second.expired(); });
  if (made.ok()) mounted_[keys] = *made;
  being_made_.erase(keys);
  made_.NotifyAll();
  return made;
}

absl::StatusOr<std::shared_ptr<ErofsFileSystem>> ErofsFileSystems::Make(const OpenImage& image) {
  ASSIGN_OR_RETURN(const std::string mount_point, TakeMountPoint(image));
  absl::StatusOr<MountSpec> spec = MountAt(image, mount_point);
  if (!spec.ok()) {
    rmdir(mount_point.c_str());
    detached_->Add(mount_point, image.Keys());
    return spec.status();
  }
  auto file_system = std::make_shared<ErofsFileSystem>(image, *std::move(spec), mount_point, detached_);
  RETURN_IF_ERROR(AwaitOpens(image));
  return file_system;
}

absl::StatusOr<std::string> ErofsFileSystems::TakeMountPoint(const OpenImage& image) {
  FileSystemRecord record = RecordOf(image);
  record.boot_id = boot_id_;
  while (true) {
    record.mount_point = NextMountPoint(image);
    if (mkdir(record.mount_point.c_str(), 0700) != 0) {
      if (errno == EEXIST) continue;
      return ErrnoStatus(errno, absl::StrCat("mkdir ", record.mount_point));
    }
    const absl::Status recorded = db_.RecordFileSystem(record);
    if (recorded.ok()) return record.mount_point;
    rmdir(record.mount_point.c_str());
    if (!absl::IsAlreadyExists(recorded)) return Annotate(recorded, "recording a mount");
  }
}

// Numbered: the same image may be mounted anew while a lazily detached predecessor is still dying, or while a
// daemon's predecessor has left one.
std::string ErofsFileSystems::NextMountPoint(const OpenImage& image) {
  MutexLock lock(mutex_);
  return absl::StrCat(mounts_dir_, "/", image.manifest_digest.hex().substr(0, 12), "-", next_number_++);
}

absl::StatusOr<MountSpec> ErofsFileSystems::MountAt(const OpenImage& image, const std::string& mount_point) {
  ASSIGN_OR_RETURN(MountSpec spec, door_.Publish(image.Published()));
  const absl::Status status = MountErofs(spec, mount_point);
  if (status.ok()) return spec;
  return absl::IsAlreadyExists(status) ? HeldByOldMount(image.reference) : status;
}

absl::StatusOr<std::shared_ptr<ErofsFileSystem>> ErofsFileSystems::Adopt(const OpenImage& image,
                                                                         const std::string& mount_point) {
  PublishedImage published = image.Published();
  if (!door_.keeps_objects()) {
    // What was not finished when the kernel opened it, the kernel goes on reading through the door.
    published.bootstrap.finished_path.clear();
    for (PublishedObject& device : published.devices) device.finished_path.clear();
  }
  ASSIGN_OR_RETURN(MountSpec spec, door_.Publish(published));
  auto file_system = std::make_shared<ErofsFileSystem>(image, std::move(spec), mount_point, detached_);
  MutexLock lock(mutex_);
  // The first stays: of the same objects one may be mounted and another detached.
  std::weak_ptr<ErofsFileSystem>& shared = mounted_[image.Keys()];
  if (shared.expired()) shared = file_system;
  return file_system;
}

}  // namespace lacuna
