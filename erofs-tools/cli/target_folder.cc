#include "erofs-tools/cli/target_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr mode_t kPrivate = 0700;

absl::StatusOr<UniqueFd> OpenFolder(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.valid()) return folder;
  if (errno != ENOTDIR) return ErrnoStatus(errno, path);
  return absl::InvalidArgumentError(absl::StrCat(path, " is no folder; name one that is new or empty"));
}

absl::Status CheckEmpty(int folder, const std::string& path) {
  // A description of its own, because reading moves its position.
  UniqueFd own(openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(own.valid() ? fdopendir(own.get()) : nullptr, closedir);
  if (entries == nullptr) return ErrnoStatus(errno, path);
  own.Release();  // closedir closes it
  errno = 0;
  while (const dirent* entry = readdir(entries.get())) {
    const absl::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not empty; name a folder that is new or empty"));
  }
  return errno == 0 ? absl::OkStatus() : ErrnoStatus(errno, path);
}

absl::Status RemoveXattr(int file, const char* name, const std::string& path) {
  if (fremovexattr(file, name) == 0 || errno == ENODATA || errno == EOPNOTSUPP) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("taking ", name, " from ", path));
}

}  // namespace

absl::Status CheckNewOrEmpty(const std::string& path) {
  const absl::StatusOr<UniqueFd> folder = OpenFolder(path);
  if (folder.ok()) return CheckEmpty(folder->get(), path);
  return absl::IsNotFound(folder.status()) ? absl::OkStatus() : folder.status();
}

absl::StatusOr<UniqueFd> TakeFolder(const std::string& path) {
  if (mkdir(path.c_str(), kPrivate) != 0 && errno != EEXIST) return ErrnoStatus(errno, path);
  ASSIGN_OR_RETURN(UniqueFd folder, OpenFolder(path));
  RETURN_IF_ERROR(CheckEmpty(folder.get(), path));
  RETURN_IF_ERROR(RemoveXattr(folder.get(), "system.posix_acl_access", path));
  RETURN_IF_ERROR(RemoveXattr(folder.get(), "system.posix_acl_default", path));
  if (fchown(folder.get(), geteuid(), getegid()) != 0 || fchmod(folder.get(), kPrivate) != 0) {
    return ErrnoStatus(errno, path);
  }
  // Nobody can have put something in since.
  RETURN_IF_ERROR(CheckEmpty(folder.get(), path));
  return folder;
}

}  // namespace lacuna
