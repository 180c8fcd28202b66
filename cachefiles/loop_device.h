// Read-only loop devices: block devices over files, for kernels that mount EROFS only from block devices.
//
// A loop device has at most 128 requests under way (`loop.hw_queue_depth`, fixed when the module is loaded):
// the readers behind them wait in the kernel, unseen by a door.
//
// Caller: erofs_mount. Thread-safe: a LoopDevice belongs to one thread. Attaching opens the file and may read
// it: never call from a door's thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class LoopDevice {
 public:
  // A device over the file at `path`. It ends by itself (LO_FLAGS_AUTOCLEAR) when this and every mount of it
  // are gone, also when the process dies.
  static absl::StatusOr<LoopDevice> Attach(const std::string& path);

  const std::string& path() const { return path_; }  // "/dev/loop7"

 private:
  LoopDevice(std::string path, UniqueFd device) : path_(std::move(path)), device_(std::move(device)) {}

  std::string path_;
  UniqueFd device_;
};

}  // namespace lacuna
