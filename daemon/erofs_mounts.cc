#include "daemon/erofs_mounts.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/mount_holders.h"
#include "daemon/mount_info.h"

namespace lacuna {
namespace {

// The directory as the mount table will show it.
absl::StatusOr<std::string> ResolveDirectory(const std::string& directory) {
  struct stat st;
  if (directory.empty() || directory[0] != '/') {
    return absl::InvalidArgumentError(absl::StrCat("'", directory, "' is not an absolute path"));
  }
  if (stat(directory.c_str(), &st) != 0) return ErrnoStatus(errno, directory);
  if (!S_ISDIR(st.st_mode)) return absl::InvalidArgumentError(absl::StrCat(directory, " is not a directory"));
  std::error_code error;
  const std::filesystem::path resolved = std::filesystem::canonical(directory, error);
  if (error) return ErrnoStatus(error.value(), directory);
  return resolved.string();
}

}  // namespace

ErofsMounts::ErofsMounts(OnDemandDoor& door, CacheDb& db, std::string mounts_dir, std::string boot_id)
    : door_(door),
      db_(db),
      mounts_dir_(std::move(mounts_dir)),
      boot_id_(std::move(boot_id)),
      file_systems_(door, db, mounts_dir_, boot_id_) {}

absl::StatusOr<MountInfo> ErofsMounts::Mount(const OpenImage& image, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string directory, ResolveDirectory(path));
  ForgetUnmounted();
  RETURN_IF_ERROR(Reserve(directory));
  absl::StatusOr<MountInfo> info = Show(image, directory);
  if (!info.ok()) LetGo(directory);
  return info;
}

absl::Status ErofsMounts::Ensure(const std::string& path,
                                 absl::FunctionRef<absl::StatusOr<OpenImage>()> open) {
  ASSIGN_OR_RETURN(const std::string directory, ResolveDirectory(path));
  ForgetUnmounted();
  if (!WaitAndReserve(directory)) return absl::OkStatus();
  const absl::StatusOr<OpenImage> image = open();
  absl::Status shown = image.ok() ? Show(*image, directory).status() : image.status();
  if (!shown.ok()) LetGo(directory);
  return shown;
}

bool ErofsMounts::WaitAndReserve(const std::string& directory) {
  MutexLock lock(mutex_);
  while (true) {
    const auto [it, inserted] = mounted_.try_emplace(directory);
    if (inserted) return true;
    if (it->second.file_system != nullptr && !it->second.unmounting) return false;
    settled_.Wait(mutex_);
  }
}

void ErofsMounts::LetGo(const std::string& directory) {
  MutexLock lock(mutex_);
  mounted_.erase(directory);
  settled_.NotifyAll();
}

void ErofsMounts::ForgetUnmounted() {
  std::vector<Mounted> ended;
  {
    MutexLock lock(forget_mutex_);
    for (const std::string& directory : TakeUnmounted()) ended.push_back(Forget(directory));
  }
  ended.clear();  // their file systems end outside the locks
  file_systems_.detached().Sweep();
}

std::vector<std::string> ErofsMounts::TakeUnmounted() {
  MutexLock lock(mutex_);
  // Read under the lock: a mount that is in our table was there before.
  const absl::StatusOr<std::vector<MountEntry>> entries = ReadMountInfo();
  if (!entries.ok()) return {};
  std::set<absl::string_view> shown;
  for (const MountEntry& entry : *entries) shown.insert(entry.directory);
  std::vector<std::string> gone;
  for (auto& [directory, mounted] : mounted_) {
    if (mounted.file_system == nullptr || mounted.unmounting || shown.contains(directory)) continue;
    mounted.unmounting = true;
    gone.push_back(directory);
  }
  return gone;
}

ErofsMounts::Mounted ErofsMounts::Forget(const std::string& directory) {
  RemoveRecord(directory);  // first: whoever mounts there next records it anew
  MutexLock lock(mutex_);
  settled_.NotifyAll();
  return std::move(mounted_.extract(directory).mapped());
}

void ErofsMounts::RemoveRecord(const std::string& directory) {
  const absl::Status status = db_.RemoveMount(directory);
  if (!status.ok()) LogWarning("forgetting the mount at ", directory, ": ", status.message());
}

absl::Status ErofsMounts::Reserve(const std::string& directory) {
  MutexLock lock(mutex_);
  const auto [it, inserted] = mounted_.try_emplace(directory);
  if (inserted) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(directory, " already shows ", it->second.info.reference, "; unmount it first"));
}

absl::StatusOr<MountInfo> ErofsMounts::Show(const OpenImage& image, const std::string& directory) {
  ASSIGN_OR_RETURN(std::shared_ptr<ErofsFileSystem> file_system, file_systems_.Share(image));
  const MountRecord record{.directory = directory,
                           .file_system = file_system->mount_point(),
                           .reference = image.reference,
                           .manifest_digest = image.manifest_digest,
                           .since_unix_seconds = static_cast<int64_t>(std::time(nullptr))};
  if (absl::Status recorded = db_.RecordMount(record); !recorded.ok()) {
    return Annotate(recorded, "recording a mount");
  }
  if (absl::Status shown = BindMount(file_system->mount_point(), directory); !shown.ok()) {
    RemoveRecord(directory);
    return shown;
  }
  MutexLock lock(mutex_);
  Mounted& mounted = mounted_[directory];
  mounted.info = InfoOf(record);
  mounted.file_system = std::move(file_system);
  settled_.NotifyAll();
  return mounted.info;
}

MountInfo ErofsMounts::InfoOf(const MountRecord& mount) const {
  return {mount.directory, mount.reference, mount.manifest_digest.ToString(), std::string(door_.name()),
          mount.since_unix_seconds};
}

absl::StatusOr<std::shared_ptr<void>> ErofsMounts::Hold(const OpenImage& image) {
  return file_systems_.Share(image);
}

absl::Status ErofsMounts::Unmount(const std::string& directory, bool lazy) {
  {
    MutexLock lock(mutex_);
    const auto it = mounted_.find(directory);
    if (it == mounted_.end() || it->second.file_system == nullptr || it->second.unmounting) {
      return absl::NotFoundError(
          absl::StrCat(directory, " is not a mount of lacuna; see `lacunactl mounts ls`"));
    }
    it->second.unmounting = true;
  }
  absl::Status status = lacuna::Unmount(directory, lazy);
  // Somebody may have unmounted the directory without asking us: then there is nothing left to do.
  if (status.ok() || absl::IsNotFound(status)) {
    Forget(directory);
    return absl::OkStatus();
  }
  {
    MutexLock lock(mutex_);
    mounted_[directory].unmounting = false;
    settled_.NotifyAll();
  }
  if (!absl::IsFailedPrecondition(status)) return status;
  const std::string holders = DescribeMountHolders(directory);
  return absl::FailedPreconditionError(absl::StrCat(directory, " is in use", holders.empty() ? "" : " by ",
                                                    holders, "; close its files, or detach it with -l"));
}

std::vector<MountInfo> ErofsMounts::List() {
  ForgetUnmounted();
  MutexLock lock(mutex_);
  std::vector<MountInfo> list;
  for (const auto& [directory, mounted] : mounted_) {
    if (mounted.file_system != nullptr) list.push_back(mounted.info);
  }
  return list;
}

uint32_t ErofsMounts::MountsOf(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  return std::count_if(mounted_.begin(), mounted_.end(), [&](const auto& entry) {
    return entry.second.file_system != nullptr && entry.second.file_system->image().Holds(key);
  });
}

uint32_t ErofsMounts::MountsOf(const Digest& manifest_digest) const {
  MutexLock lock(mutex_);
  return std::count_if(mounted_.begin(), mounted_.end(), [&](const auto& entry) {
    return entry.second.file_system != nullptr &&
           entry.second.info.manifest_digest == manifest_digest.ToString();
  });
}

}  // namespace lacuna
