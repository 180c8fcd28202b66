#include "cachefiles/erofs_mount.h"

#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/vfs.h>

#include <cerrno>
#include <fstream>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cachefiles/loop_device.h"
#include "cachefiles/mount_api.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::Status SetOption(FsContext& context, const std::string& option) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(option, absl::MaxSplits('=', 1));
  if (option.find('=') == std::string::npos) return context.SetFlag(option);
  return context.SetString(parts.first, parts.second);
}

// Makes the file system and attaches it; source and devices are as the kernel shall open them.
absl::Status MountFrom(const MountSpec& spec, const std::string& target) {
  ASSIGN_OR_RETURN(FsContext context, FsContext::Open("erofs"));
  RETURN_IF_ERROR(context.SetString("source", spec.source));
  RETURN_IF_ERROR(context.SetFlag("ro"));
  for (const std::string& device : spec.devices) RETURN_IF_ERROR(context.SetString("device", device));
  for (const std::string& option : spec.options) RETURN_IF_ERROR(SetOption(context, option));
  ASSIGN_OR_RETURN(const UniqueFd mount, context.Mount(MOUNT_ATTR_RDONLY));
  return AttachMount(mount, target);
}

absl::Status MountThroughLoop(MountSpec spec, const std::string& target) {
  std::vector<LoopDevice> devices;  // each held open until the mount holds it
  const auto attach = [&](std::string& path) -> absl::Status {
    ASSIGN_OR_RETURN(LoopDevice device, LoopDevice::Attach(path));
    path = device.path();
    devices.push_back(std::move(device));
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(attach(spec.source));
  for (std::string& device : spec.devices) RETURN_IF_ERROR(attach(device));
  return MountFrom(spec, target);
}

}  // namespace

absl::Status MountErofs(const MountSpec& spec, const std::string& target) {
  return spec.through_loop ? MountThroughLoop(spec, target) : MountFrom(spec, target);
}

absl::Status BindMount(const std::string& source, const std::string& target) {
  ASSIGN_OR_RETURN(const UniqueFd mount, CloneMount(source));
  return AttachMount(mount, target);
}

absl::Status Unmount(const std::string& target, bool lazy) {
  if (umount2(target.c_str(), UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0) return absl::OkStatus();
  if (errno == EINVAL) return absl::NotFoundError(absl::StrCat("nothing is mounted at ", target));
  return ErrnoStatus(errno, absl::StrCat("unmounting ", target));
}

absl::StatusOr<bool> IsErofs(const std::string& path) {
  struct statfs info = {};
  if (statfs(path.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("statfs ", path));
  return info.f_type == EROFS_SUPER_MAGIC_V1;
}

bool KernelHasErofs() {
  std::ifstream known("/proc/filesystems");
  for (std::string line; std::getline(known, line);) {
    if (line == "\terofs" || line == "nodev\terofs") return true;
  }
  return FsContext::Open("erofs").ok();  // makes the kernel run modprobe
}

}  // namespace lacuna
