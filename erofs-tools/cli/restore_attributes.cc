#include "erofs-tools/cli/restore_attributes.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr mode_t kPermissions = 07777;

absl::Status SetXattr(const std::string& path, const Xattr& xattr) {
  if (setxattr(path.c_str(), xattr.name.c_str(), xattr.value.data(), xattr.value.size(), 0) == 0) {
    return absl::OkStatus();
  }
  const int error = errno;
  absl::Status status = ErrnoStatus(
      error, absl::StrCat("setting ", EscapeForTerminal(xattr.name), " of ", xattr.value.size(), " bytes"));
  // ext4 has a block for all of a file's, and says that it is full.
  if (error != EOPNOTSUPP && error != ENOSPC && error != E2BIG) return status;
  return {status.code(), absl::StrCat(status.message(), "; extract to a file system that can hold it")};
}

}  // namespace

absl::Status RestoreAttributes(int file, const ErofsInode& inode, const std::vector<Xattr>& xattrs) {
  // Most calls refuse a descriptor that is O_PATH, but none this name of what it is open on; not even of a
  // symbolic link, which is the end of the way.
  const std::string path = absl::StrCat("/proc/self/fd/", file);
  // A new owner takes setuid and capabilities away: he comes first.
  if (chown(path.c_str(), inode.uid, inode.gid) != 0) {
    return ErrnoStatus(errno, absl::StrCat("giving it to ", inode.uid, ":", inode.gid));
  }
  for (const Xattr& xattr : xattrs) RETURN_IF_ERROR(SetXattr(path, xattr));
  // After access control lists, which change the mode.
  if (!S_ISLNK(inode.mode) && chmod(path.c_str(), inode.mode & kPermissions) != 0) {
    return ErrnoStatus(errno, "setting its mode");
  }
  const timespec mtime = {.tv_sec = inode.mtime, .tv_nsec = inode.mtime_nanoseconds};
  const timespec times[] = {mtime, mtime};
  if (utimensat(AT_FDCWD, path.c_str(), times, 0) != 0) return ErrnoStatus(errno, "setting its mtime");
  return absl::OkStatus();
}

}  // namespace lacuna
