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

struct Folder {
  absl::string_view kind;    // "cache folder"
  absl::string_view option;  // which one is told to use for another
  std::string path;
};

absl::Status CannotBeWritten(int errno_value, const Folder& folder) {
  const std::string what = absl::StrCat(folder.kind, " ", folder.path);
  switch (errno_value) {
    case EROFS:
    case EACCES:
    case EPERM:
      return absl::FailedPreconditionError(
          absl::StrCat(what, " cannot be written: ", std::strerror(errno_value),
                       "; run lacunad as root and give ", folder.option, " a folder on a writable disk"));
    default:
      return ErrnoStatus(errno_value, what);
  }
}

absl::Status WritePid(int fd, const Folder& folder, pid_t pid) {
  const std::string text = absl::StrCat(pid, "\n");
  if (ftruncate(fd, 0) != 0) return CannotBeWritten(errno, folder);
  const ssize_t written = pwrite(fd, text.data(), text.size(), 0);
  if (written != static_cast<ssize_t>(text.size())) return CannotBeWritten(written < 0 ? errno : EIO, folder);
  return absl::OkStatus();
}

absl::StatusOr<UniqueFd> Lock(const Folder& folder, pid_t pid) {
  const std::string path = folder.path + "/lacunad.lock";
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.valid()) return CannotBeWritten(errno, folder);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return ErrnoStatus(errno, absl::StrCat("lock ", path));
    return absl::FailedPreconditionError(absl::StrCat(folder.kind, " ", folder.path, ": another lacunad",
                                                      Holder(fd.get()), " uses it; stop it or give ",
                                                      folder.option, " another folder"));
  }
  RETURN_IF_ERROR(WritePid(fd.get(), folder, pid));
  return fd;
}

Folder CacheFolder(const std::string& root) {
  return {"cache folder", "--root", root};
}

}  // namespace

absl::StatusOr<UniqueFd> LockCacheFolder(const std::string& root, pid_t pid) {
  return Lock(CacheFolder(root), pid);
}

absl::StatusOr<UniqueFd> LockRunFolder(const std::string& run, pid_t pid) {
  return Lock({"run folder", "--run", run}, pid);
}

absl::Status CacheFolderError(int errno_value, const std::string& root) {
  return CannotBeWritten(errno_value, CacheFolder(root));
}

}  // namespace lacuna
