// ErofsMounts' part about what a daemon that died has left mounted.
#include <utility>

#include "absl/strings/str_join.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/erofs_mounts.h"
#include "daemon/mount_leftovers.h"

namespace lacuna {

absl::Status ErofsMounts::Adopt(const OpenRecorded& open) {
  RecordedMounts recorded;
  ASSIGN_OR_RETURN(recorded.file_systems, db_.FileSystems());
  ASSIGN_OR_RETURN(recorded.mounts, db_.Mounts());
  ASSIGN_OR_RETURN(const std::vector<MountEntry> entries, ReadMountInfo());
  const AdoptionPlan plan = PlanAdoption(std::move(recorded), entries, mounts_dir_, boot_id_);
  for (const std::string& directory : plan.vanished) RemoveRecord(directory);
  for (const std::string& mount_point : plan.outdated) file_systems_.detached().Add(mount_point, {});
  {
    MutexLock lock(mutex_);
    lost_devices_ = plan.unknown;
  }
  for (const AdoptionPlan::FileSystem& found : plan.file_systems) {
    const absl::Status status = Adopt(found, open);
    if (!status.ok()) GiveUp(found, status);
  }
  return absl::OkStatus();
}

absl::Status ErofsMounts::Adopt(const AdoptionPlan::FileSystem& found, const OpenRecorded& open) {
  ASSIGN_OR_RETURN(const OpenImage image, open(found.record));
  ASSIGN_OR_RETURN(std::shared_ptr<ErofsFileSystem> file_system,
                   file_systems_.Adopt(image, found.record.mount_point));
  MutexLock lock(mutex_);
  for (const MountRecord& mount : found.mounts) {
    mounted_[mount.directory] = {.info = InfoOf(mount), .file_system = file_system};
  }
  adopted_.push_back(std::move(file_system));
  return absl::OkStatus();
}

void ErofsMounts::GiveUp(const AdoptionPlan::FileSystem& found, const absl::Status& reason) {
  const auto directory_of = [](std::string* out, const MountRecord& mount) { out->append(mount.directory); };
  const std::string directories = absl::StrJoin(found.mounts, ", ", directory_of);
  LogWarning(found.record.reference, ", mounted at ",
             directories.empty() ? found.record.mount_point : directories,
             ", cannot be taken over and is detached: ", reason.message());
  std::vector<ObjectKey> keys;
  for (const ObjectRecord& object : found.record.objects) keys.push_back(object.Key());
  file_systems_.detached().Add(found.record.mount_point, std::move(keys));
  for (const MountRecord& mount : found.mounts) RemoveRecord(mount.directory);
  MutexLock lock(mutex_);
  if (!found.device.empty()) lost_devices_.insert(found.device);
}

void ErofsMounts::FinishAdoption() {
  std::vector<std::shared_ptr<ErofsFileSystem>> adopted;  // those that no directory shows end here
  std::set<std::string> lost_devices;
  {
    MutexLock lock(mutex_);
    adopted.swap(adopted_);
    lost_devices.swap(lost_devices_);
  }
  const absl::StatusOr<std::vector<std::string>> detached = DetachDevices(lost_devices, mounts_dir_);
  if (!detached.ok()) {
    LogWarning("detaching what an earlier daemon left mounted: ", detached.status().message());
    return;
  }
  for (const std::string& directory : *detached)
    LogWarning("detached ", directory, ", left by a daemon that died");
}

}  // namespace lacuna
