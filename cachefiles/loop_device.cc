#include "cachefiles/loop_device.h"

#include <fcntl.h>
#include <linux/loop.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// Another process may take the free device before us: try the next one. So many in a row mean another
// trouble.
constexpr int kAttempts = 64;

absl::Status Configure(const UniqueFd& device, const UniqueFd& file, const std::string& path) {
  loop_config config = {};
  config.fd = static_cast<uint32_t>(file.get());
  // Direct I/O: requests of up to 1 MiB reach the file as they are and many at once (measured: twice the
  // sequential speed behind a slow source), and nothing is cached between the mount and the file. The kernel
  // falls back by itself where the file cannot.
  config.info.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_DIRECT_IO;
  // What losetup(8) shows; the kernel does not use it.
  std::memcpy(config.info.lo_file_name, path.data(), std::min<size_t>(path.size(), LO_NAME_SIZE - 1));
  if (ioctl(device.get(), LOOP_CONFIGURE, &config) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("setting up a loop device over ", path));
}

absl::StatusOr<UniqueFd> OpenFile(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  return fd;
}

}  // namespace

absl::StatusOr<LoopDevice> LoopDevice::Attach(const std::string& path) {
  ASSIGN_OR_RETURN(const UniqueFd file, OpenFile(path));
  ASSIGN_OR_RETURN(const UniqueFd control, OpenFile("/dev/loop-control"));
  absl::Status status;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int number = ioctl(control.get(), LOOP_CTL_GET_FREE);
    if (number < 0) return ErrnoStatus(errno, "no free loop device");
    std::string device_path = absl::StrCat("/dev/loop", number);
    ASSIGN_OR_RETURN(UniqueFd device, OpenFile(device_path));
    status = Configure(device, file, path);
    if (status.ok()) return LoopDevice(std::move(device_path), std::move(device));
    if (!absl::IsFailedPrecondition(status)) return status;  // other than EBUSY
  }
  return status;
}

}  // namespace lacuna
