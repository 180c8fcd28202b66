#include "cachefiles/cachefiles_bind.h"

#include <cerrno>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// cachefiles_daemon_bind and cachefiles_add_cache (fs/cachefiles) have a few numbers for many reasons.
absl::Status BindError(int error, const std::string& dir) {
  const std::string what = absl::StrCat("making ", dir, " a cachefiles cache: ");
  switch (error) {
    case EINVAL:
      return absl::UnimplementedError(absl::StrCat(
          what, "this kernel has no on-demand mode (CONFIG_CACHEFILES_ONDEMAND, Linux 5.19 to 7.1), or ", dir,
          " lies on an idmapped mount; choose another door"));
    case EOPNOTSUPP:
      return absl::UnimplementedError(
          absl::StrCat(what,
                       "its file system cannot bear a cache, which takes O_TMPFILE, extended "
                       "attributes and blocks of at most a page; put it on ext4 or xfs"));
    case EBUSY:
    case EEXIST:
      return absl::FailedPreconditionError(
          absl::StrCat(what, "an earlier cache is still in use; unmount its images and end their daemon"));
    case EROFS:
      return absl::FailedPreconditionError(absl::StrCat(what, "its file system is read-only"));
    default:
      return ErrnoStatus(error,
                         absl::StrCat("making ", dir, " a cachefiles cache (the kernel's log may say more)"));
  }
}

}  // namespace

absl::Status BindCachefiles(CachefilesDevice& device, const std::string& dir,
                            const CachefilesLimits& limits) {
  ASSIGN_OR_RETURN(const std::vector<std::string> commands, BindCommands(dir, limits));
  for (const std::string& command : commands) {
    const int error = device.Command(command);
    if (error == 0) continue;
    if (absl::StartsWith(command, "bind")) return BindError(error, dir);
    return ErrnoStatus(error, absl::StrCat("cachefiles command '", command, "'"));
  }
  return absl::OkStatus();
}

}  // namespace lacuna
