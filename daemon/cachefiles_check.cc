#include "daemon/cachefiles_check.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/mount_api.h"
#include "daemon/base/status.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

absl::Status OpenFailed(int error) {
  switch (error) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
      return absl::UnimplementedError(
          "absent; modprobe cachefiles, or take a kernel built with CONFIG_CACHEFILES_ONDEMAND");
    case EBUSY:
      return absl::UnavailableError(
          "in use; it has one user at a time: lacunad itself, or cachefilesd (systemctl disable --now "
          "cachefilesd)");
    default:
      return ErrnoStatus(error, "cannot be opened");
  }
}

bool Command(const UniqueFd& device, absl::string_view command) {
  return write(device.get(), command.data(), command.size()) == static_cast<ssize_t>(command.size());
}

// A cache on procfs is always refused, but a kernel without on-demand mode refuses the word before it looks
// there (cachefiles_daemon_bind in fs/cachefiles/daemon.c).
absl::Status CheckOnDemandMode(const UniqueFd& device) {
  if (Command(device, "dir /proc") && !Command(device, "bind ondemand") && errno != EINVAL) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(
      "without on-demand mode; take a kernel built with CONFIG_CACHEFILES_ONDEMAND (Linux 5.19 to 7.1)");
}

// EROFS' own half: unknown since Linux 7.2; known but refused, by a message only, where it is not built in
// (erofs_fc_parse_param in fs/erofs/super.c).
absl::Status CheckErofsOverFscache() {
  ASSIGN_OR_RETURN(FsContext erofs, FsContext::Open("erofs"));
  if (!erofs.SetString("fsid", "lacuna-doctor").ok()) {
    return absl::UnimplementedError(
        "of no use here: this kernel's EROFS has no fsid= any more (removed in Linux 7.2)");
  }
  if (absl::StrContains(erofs.TakeMessages(), "not supported")) {
    return absl::UnimplementedError(
        "of no use here: this kernel's EROFS was built without CONFIG_EROFS_FS_ONDEMAND");
  }
  return absl::OkStatus();
}

absl::Status Check(const std::string& path) {
  const UniqueFd device(open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (!device.valid()) return OpenFailed(errno);
  struct stat info = {};
  if (fstat(device.get(), &info) != 0 || !S_ISCHR(info.st_mode)) {
    return absl::UnimplementedError("no device; remove the file, then modprobe cachefiles");
  }
  RETURN_IF_ERROR(CheckOnDemandMode(device));
  return CheckErofsOverFscache();
}

}  // namespace

HostCheck CheckCachefiles(const std::string& dev_dir) {
  const absl::Status status = Check(dev_dir + "/cachefiles");
  if (status.ok()) return {.name = "/dev/cachefiles", .found = "on-demand mode works"};
  return {.name = "/dev/cachefiles",
          .found = absl::StrCat(status.message(), " (the fuse door serves without it)")};
}

}  // namespace lacuna
