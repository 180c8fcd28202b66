// One mounted EROFS, and all that keeps it alive. Ends with its last user.
//
// Made by ErofsFileSystems. Constant; its end unmounts, which may make the kernel ask a door: never let the
// last pointer go on a door's thread.
#pragma once

#include <memory>
#include <string>

#include "cachefiles/on_demand_door.h"
#include "daemon/detached_file_systems.h"
#include "daemon/open_image.h"

namespace lacuna {

class ErofsFileSystem {
 public:
  // It is recorded, and mounted at `mount_point` (or was, until somebody unmounted it without asking us).
  ErofsFileSystem(OpenImage image, MountSpec spec, std::string mount_point,
                  std::shared_ptr<DetachedFileSystems> detached);
  // Unmounts lazily: after `umount -l` of a bind mount its open files still hold the file system, and go on
  // being served.
  ~ErofsFileSystem();
  ErofsFileSystem(const ErofsFileSystem&) = delete;
  ErofsFileSystem& operator=(const ErofsFileSystem&) = delete;

  const OpenImage& image() const { return image_; }
  const std::string& mount_point() const { return mount_point_; }

 private:
  const OpenImage image_;
  const MountSpec spec_;
  const std::string mount_point_;
  const std::shared_ptr<DetachedFileSystems> detached_;
};

}  // namespace lacuna
