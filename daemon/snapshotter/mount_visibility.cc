#include "daemon/snapshotter/mount_visibility.h"

#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr char kWhatToDo[] =
    "; run lacunad without systemd options that give it mounts of its own (PrivateMounts, PrivateTmp, "
    "ProtectSystem, …), and beside containerd, not in a container";

absl::StatusOr<struct stat> StatOf(const std::string& path) {
  struct stat found = {};
  if (stat(path.c_str(), &found) != 0) return ErrnoStatus(errno, path);
  return found;
}

}  // namespace

absl::Status CheckSameMountNamespace(pid_t process) {
  const absl::StatusOr<struct stat> ours = StatOf("/proc/self/ns/mnt");
  const absl::StatusOr<struct stat> theirs = StatOf(absl::StrCat("/proc/", process, "/ns/mnt"));
  if (ours.ok() && theirs.ok() && ours->st_ino == theirs->st_ino) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "containerd (process ", process, ") is in another mount namespace than lacunad", kWhatToDo));
}

absl::Status CheckSeesErofs(pid_t process, const std::string& directory) {
  const std::string as_they_see_it = absl::StrCat("/proc/", process, "/root", directory);
  struct statfs file_system = {};
  ASSIGN_OR_RETURN(const struct stat ours, StatOf(directory));
  const absl::StatusOr<struct stat> theirs = StatOf(as_they_see_it);
  const bool is_erofs = statfs(as_they_see_it.c_str(), &file_system) == 0 &&
                        file_system.f_type == static_cast<decltype(file_system.f_type)>(EROFS_SUPER_MAGIC_V1);
  if (is_erofs && theirs.ok() && theirs->st_dev == ours.st_dev) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("containerd (process ", process, ") does not see the image at ", directory, kWhatToDo));
}

}  // namespace lacuna
