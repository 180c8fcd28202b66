#include "daemon/base/disk_reserve.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "daemon/base/log.h"
#include "daemon/base/sync_folder.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {
namespace {

// Some dozens of transactions of a few pages each.
constexpr off_t kBytes = 1 << 20;

}  // namespace

void DiskReserve::Keep() {
  if (kept_) return;
  const UniqueFd file(open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  const int error = file.valid() ? posix_fallocate(file.get(), 0, kBytes) : errno;
  kept_ = error == 0;
  if (!kept_) LogDebug("keeping ", kBytes, " bytes of the disk in ", path_, ": ", std::strerror(error));
}

bool DiskReserve::GiveUp() {
  kept_ = false;
  if (unlink(path_.c_str()) != 0) return false;
  // Freed blocks are others' once the journal says that they are free.
  SyncFolder(std::filesystem::path(path_).parent_path()).IgnoreError();
  LogInfo("the disk is full: used what was kept in ", path_);
  return true;
}

}  // namespace lacuna
