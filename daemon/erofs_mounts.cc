#include "daemon/erofs_mounts.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <system_error>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/mount_holders.h"
#include "daemon/mount_info.h"

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

// One mounted EROFS, and all that keeps it alive. Ends with its last user.
class ErofsMounts::FileSystem {
 public:
  FileSystem(OpenImage image, MountSpec spec, std::string mount_point)
      : image_(std::move(image)), spec_(std::move(spec)), mount_point_(std::move(mount_point)) {}
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  ~FileSystem() {
    // Lazily: after `umount -l` of a bind mount its open files still hold the file system, and go on being
    // served.
    if (const absl::Status status = lacuna::Unmount(mount_point_, /*lazy=*/true); !status.ok()) {
      LogWarning("unmount ", mount_point_, ": ", status.message());
    }
    rmdir(mount_point_.c_str());
  }

  const OpenImage& image() const { return image_; }
  const std::string& mount_point() const { return mount_point_; }

 private:
  const OpenImage image_;
  const MountSpec spec_;
  const std::string mount_point_;
};

ErofsMounts::ErofsMounts(OnDemandDoor& door, std::string mounts_dir)
    : door_(door), mounts_dir_(std::move(mounts_dir)) {}

absl::StatusOr<MountInfo> ErofsMounts::Mount(const OpenImage& image, const std::string& path) {
  ASSIGN_OR_RETURN(const std::string directory, ResolveDirectory(path));
  ForgetUnmounted();
  RETURN_IF_ERROR(Reserve(directory));
  absl::StatusOr<MountInfo> info = Show(image, directory);
  if (!info.ok()) {
    MutexLock lock(mutex_);
    mounted_.erase(directory);
  }
  return info;
}

void ErofsMounts::ForgetUnmounted() {
  std::vector<Mounted> ended;  // their file systems end outside the lock
  MutexLock lock(mutex_);
  // Read under the lock: a mount that is in our table was there before.
  const absl::StatusOr<std::vector<MountEntry>> entries = ReadMountInfo();
  if (!entries.ok()) return;
  std::set<absl::string_view> shown;
  for (const MountEntry& entry : *entries) shown.insert(entry.directory);
  for (auto it = mounted_.begin(); it != mounted_.end();) {
    const bool gone =
        it->second.file_system != nullptr && !it->second.unmounting && !shown.contains(it->first);
    if (gone) ended.push_back(std::move(it->second));
    it = gone ? mounted_.erase(it) : std::next(it);
  }
}

absl::Status ErofsMounts::Reserve(const std::string& directory) {
  MutexLock lock(mutex_);
  const auto [it, inserted] = mounted_.try_emplace(directory);
  if (inserted) return absl::OkStatus();
  return absl::AlreadyExistsError(
      absl::StrCat(directory, " already shows ", it->second.info.reference, "; unmount it first"));
}

absl::StatusOr<MountInfo> ErofsMounts::Show(const OpenImage& image, const std::string& directory) {
  ASSIGN_OR_RETURN(std::shared_ptr<FileSystem> file_system, ShareFileSystem(image));
  RETURN_IF_ERROR(BindMount(file_system->mount_point(), directory));
  MutexLock lock(mutex_);
  Mounted& mounted = mounted_[directory];
  mounted.info = {directory, image.reference, image.manifest_digest.ToString(), std::string(door_.name()),
                  static_cast<int64_t>(std::time(nullptr))};
  mounted.file_system = std::move(file_system);
  return mounted.info;
}

absl::StatusOr<std::shared_ptr<void>> ErofsMounts::Hold(const OpenImage& image) {
  return ShareFileSystem(image);
}

absl::StatusOr<std::shared_ptr<ErofsMounts::FileSystem>> ErofsMounts::ShareFileSystem(
    const OpenImage& image) {
  const std::vector<ObjectKey> keys = image.Keys();
  {
    MutexLock lock(mutex_);
    while (being_made_.contains(keys)) made_.Wait(mutex_);
    const auto it = file_systems_.find(keys);
    if (it != file_systems_.end()) {
      if (std::shared_ptr<FileSystem> existing = it->second.lock()) return existing;
    }
    being_made_.insert(keys);
  }
  absl::StatusOr<std::shared_ptr<FileSystem>> made = MakeFileSystem(image);
  MutexLock lock(mutex_);
  std::erase_if(file_systems_, [](const auto& item) { return item.second.expired(); });
  if (made.ok()) file_systems_[keys] = *made;
  being_made_.erase(keys);
  made_.NotifyAll();
  return made;
}

absl::StatusOr<std::shared_ptr<ErofsMounts::FileSystem>> ErofsMounts::MakeFileSystem(const OpenImage& image) {
  uint64_t number = 0;
  {
    MutexLock lock(mutex_);
    number = next_number_++;
  }
  // Numbered: the same image may be mounted anew while a lazily detached predecessor is still dying.
  const std::string mount_point =
      absl::StrCat(mounts_dir_, "/", image.manifest_digest.hex().substr(0, 12), "-", number);
  ASSIGN_OR_RETURN(MountSpec spec, door_.Publish(image.Published()));
  if (mkdir(mount_point.c_str(), 0700) != 0) return ErrnoStatus(errno, absl::StrCat("mkdir ", mount_point));
  if (absl::Status status = MountErofs(spec, mount_point); !status.ok()) {
    rmdir(mount_point.c_str());
    return absl::IsAlreadyExists(status) ? HeldByOldMount(image.reference) : status;
  }
  auto file_system = std::make_shared<FileSystem>(image, std::move(spec), mount_point);
  RETURN_IF_ERROR(AwaitOpens(image));
  return file_system;
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
  const bool gone = status.ok() || absl::IsNotFound(status);
  Mounted ended;  // its file system ends outside the lock
  {
    MutexLock lock(mutex_);
    const auto it = mounted_.find(directory);
    it->second.unmounting = false;
    if (gone) {
      ended = std::move(it->second);
      mounted_.erase(it);
    }
  }
  if (gone) return absl::OkStatus();
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

absl::StatusOr<std::vector<std::string>> ErofsMounts::DetachLeftovers(const std::string& mounts_dir) {
  ASSIGN_OR_RETURN(const std::vector<MountEntry> entries, ReadMountInfo());
  const std::string prefix = absl::StrCat(mounts_dir, "/");
  std::set<std::string> devices;  // a bind mount has the device of what it shows
  for (const MountEntry& entry : entries) {
    if (entry.type == "erofs" && absl::StartsWith(entry.directory, prefix)) devices.insert(entry.device);
  }
  std::vector<std::string> detached;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!devices.contains(entry->device)) continue;
    RETURN_IF_ERROR(lacuna::Unmount(entry->directory, /*lazy=*/true));
    if (!absl::StartsWith(entry->directory, prefix)) detached.push_back(entry->directory);
  }
  for (const auto& mount_point : std::filesystem::directory_iterator(mounts_dir)) {
    rmdir(mount_point.path().c_str());
  }
  return detached;
}

}  // namespace lacuna
