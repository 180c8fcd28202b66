#include "daemon/mount_leftovers.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/erofs_mount.h"
#include "daemon/base/status.h"
#include "daemon/mount_info.h"

namespace lacuna {

absl::StatusOr<std::vector<std::string>> DetachDevices(const std::set<std::string>& devices,
                                                       const std::string& mounts_dir) {
  ASSIGN_OR_RETURN(const std::vector<MountEntry> entries, ReadMountInfo());
  std::vector<std::string> detached;
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    if (!devices.contains(entry->device)) continue;
    RETURN_IF_ERROR(Unmount(entry->directory, /*lazy=*/true));
    if (!absl::StartsWith(entry->directory, absl::StrCat(mounts_dir, "/"))) {
      detached.push_back(entry->directory);
    }
  }
  std::error_code ignored;
  for (const auto& mount_point : std::filesystem::directory_iterator(mounts_dir, ignored)) {
    rmdir(mount_point.path().c_str());  // EBUSY where something is mounted
  }
  return detached;
}

absl::StatusOr<std::vector<std::string>> DetachLeftovers(const std::string& mounts_dir) {
  ASSIGN_OR_RETURN(const std::vector<MountEntry> entries, ReadMountInfo());
  std::set<std::string> devices;  // a bind mount has the device of what it shows
  for (const MountEntry& entry : entries) {
    if (entry.type == "erofs" && absl::StartsWith(entry.directory, absl::StrCat(mounts_dir, "/"))) {
      devices.insert(entry.device);
    }
  }
  return DetachDevices(devices, mounts_dir);
}

}  // namespace lacuna
