#include "daemon/detached_file_systems.h"

#include <utility>

#include "absl/algorithm/container.h"
#include "daemon/base/log.h"

namespace lacuna {

void DetachedFileSystems::Add(const std::string& mount_point, std::vector<ObjectKey> keys) {
  MutexLock lock(mutex_);
  keys_[mount_point] = std::move(keys);
}

void DetachedFileSystems::Sweep() {
  MutexLock lock(mutex_);
  std::erase_if(keys_, [&](const auto& item) {
    const auto& [mount_point, keys] = item;
    if (absl::c_any_of(keys, [&](const ObjectKey& key) { return door_.IsOpen(key); })) return false;
    const absl::Status status = db_.RemoveFileSystem(mount_point);
    if (!status.ok()) LogWarning("forgetting the file system of ", mount_point, ": ", status.message());
    return status.ok();
  });
}

}  // namespace lacuna
