#include "daemon/erofs_file_system.h"

#include <unistd.h>

#include <utility>

#include "cachefiles/erofs_mount.h"
#include "daemon/base/log.h"

namespace lacuna {

ErofsFileSystem::ErofsFileSystem(OpenImage image, MountSpec spec, std::string mount_point,
                                 std::shared_ptr<DetachedFileSystems> detached)
    : image_(std::move(image)),
      spec_(std::move(spec)),
      mount_point_(std::move(mount_point)),
      detached_(std::move(detached)) {}

ErofsFileSystem::~ErofsFileSystem() {
  const absl::Status status = Unmount(mount_point_, /*lazy=*/true);
  if (!status.ok() && !absl::IsNotFound(status)) LogWarning("unmount ", mount_point_, ": ", status.message());
  rmdir(mount_point_.c_str());
  detached_->Add(mount_point_, image_.Keys());
}

}  // namespace lacuna
