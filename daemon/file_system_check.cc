#include "daemon/file_system_check.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <cerrno>
#include <filesystem>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr uint32_t kZfsMagic = 0x2fc12fc1;  // not in linux/magic.h: zfs is not in the kernel's tree

struct Unfit {
  uint32_t magic;  // statfs(2), f_type
  absl::string_view name;
  absl::string_view reason;
};

constexpr Unfit kUnfit[] = {
    {OVERLAYFS_SUPER_MAGIC, "overlayfs", "EROFS refuses a backing file there"},
    {TMPFS_MAGIC, "tmpfs", "the cache would fill the memory and be gone after a reboot"},
    {RAMFS_MAGIC, "ramfs", "the cache would fill the memory and be gone after a reboot"},
    {BTRFS_SUPER_MAGIC, "btrfs", "it compresses and makes holes of data, which backing files cannot bear"},
    {kZfsMagic, "zfs", "it compresses and makes holes of data, which backing files cannot bear"},
};

}  // namespace

std::string NearestExisting(const std::string& dir) {
  std::error_code error;
  std::filesystem::path path = std::filesystem::absolute(dir, error);
  while (!std::filesystem::exists(path, error) && path.has_relative_path()) path = path.parent_path();
  return path.string();
}

absl::Status CheckCacheFileSystem(const std::string& dir) {
  const std::string existing = NearestExisting(dir);
  struct statfs info {};
  if (statfs(existing.c_str(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("statfs ", existing));
  for (const Unfit& unfit : kUnfit) {
    if (static_cast<uint32_t>(info.f_type) != unfit.magic) continue;
    return absl::FailedPreconditionError(absl::StrCat(dir, " is on ", unfit.name, ": ", unfit.reason,
                                                      "; put the cache folder on ext4 or xfs"));
  }
  return absl::OkStatus();
}

}  // namespace lacuna
