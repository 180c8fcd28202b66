#include "daemon/cache_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// " (pid N)", or nothing while the holder has not written it yet.
std::string Holder(int fd) {
  std::array<char, 32> text{};
  const ssize_t size = pread(fd, text.data(), text.size(), 0);
  int pid = 0;
  if (size <= 0 || !absl::SimpleAtoi(absl::string_view(text.data(), size), &pid)) return "";
  return absl::StrCat(" (pid ", pid, ")");
}

absl::Status WritePid(int fd, const std::string& root) {
  const std::string pid = absl::StrCat(getpid(), "\n");
  if (ftruncate(fd, 0) != 0) return CacheFolderError(errno, root);
  const ssize_t written = pwrite(fd, pid.data(), pid.size(), 0);
  if (written != static_cast<ssize_t>(pid.size())) return CacheFolderError(written < 0 ? errno : EIO, root);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<UniqueFd> LockCacheFolder(const std::string& root) {
  const std::string path = root + "/lacunad.lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return CacheFolderError(errno, root);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("lock ", path));
    return absl::FailedPreconditionError(absl::StrCat("cache folder ", root, ": another lacunad",
                                                      Holder(fd.get()),
                                                      " uses it; stop it or give --root another folder"));
  }
  RETURN_IF_ERROR(WritePid(fd.get(), root));
  return fd;
}

absl::Status CacheFolderError(int errno_value, const std::string& root) {
  const std::string what = absl::StrCat("cache folder ", root);
  switch (errno_value) {
    case EROFS:
    case EACCES:
    case EPERM:
      return absl::FailedPreconditionError(
          absl::StrCat(what, " cannot be written: ", std::strerror(errno_value),
                       "; run lacunad as root and give --root a folder on a writable disk"));
    default:
      return ErrnoStatus(errno_value, what);
  }
}

}  // namespace lacuna
