#include "daemon/remounter.h"

#include <map>
#include <utility>

#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {

Remounter::Remounter(CacheDb& db, MountAgain mount_again) : db_(db), mount_again_(std::move(mount_again)) {}

Remounter::~Remounter() {
  Stop();
}

absl::Status Remounter::Start(const std::string& boot_id) {
  ASSIGN_OR_RETURN(std::vector<FileSystemRecord> file_systems, db_.FileSystems());
  ASSIGN_OR_RETURN(std::vector<MountRecord> mounts, db_.Mounts());
  std::map<std::string, std::vector<MountRecord>> mounts_of;
  for (MountRecord& mount : mounts) mounts_of[mount.file_system].push_back(std::move(mount));
  std::vector<Job> jobs;
  for (FileSystemRecord& file_system : file_systems) {
    std::vector<MountRecord>& shown = mounts_of[file_system.mount_point];
    if (file_system.boot_id == boot_id && !shown.empty()) {
      jobs.push_back({std::move(file_system), std::move(shown)});
    } else {
      RETURN_IF_ERROR(db_.RemoveFileSystem(file_system.mount_point));
    }
  }
  if (!jobs.empty()) thread_ = std::thread([this, jobs = std::move(jobs)] { Run(jobs); });
  return absl::OkStatus();
}

void Remounter::Run(const std::vector<Job>& jobs) {
  for (const Job& job : jobs) {
    // An orderly end unmounts everything and remembers nothing: also what is not mounted again yet.
    Mount(job);
    const absl::Status forgotten = db_.RemoveFileSystem(job.file_system.mount_point);
    if (!forgotten.ok()) LogWarning("forgetting a mount of a daemon that died: ", forgotten.message());
  }
}

void Remounter::Mount(const Job& job) {
  for (const MountRecord& mount : job.mounts) {
    if (cancelled_) return;
    FileSystemRecord file_system = job.file_system;
    file_system.reference = mount.reference;
    file_system.manifest_digest = mount.manifest_digest;
    const absl::Status status = mount_again_(file_system, mount.directory);
    if (status.ok() || cancelled_) continue;
    LogWarning(mount.reference, " was mounted at ", mount.directory,
               " when lacunad died, and cannot be mounted again: ", status.message());
  }
}

void Remounter::Stop() {
  Cancel();
  if (thread_.joinable()) thread_.join();
}

}  // namespace lacuna
