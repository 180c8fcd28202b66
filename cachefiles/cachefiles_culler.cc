#include "cachefiles/cachefiles_culler.h"

#include <sched.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/format_bytes.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr std::chrono::milliseconds kRetryInterval(20);

}  // namespace

CachefilesCuller::CachefilesCuller(std::string dir, const CachefilesLimits& limits,
                                   std::shared_ptr<CachefilesDevice> device)
    : dir_(std::move(dir)), limits_(limits), device_(std::move(device)) {
  thread_.Submit([this] {
    own_directory_ = unshare(CLONE_FS) == 0;
    if (!own_directory_) LogWarning(ErrnoStatus(errno, "unshare(CLONE_FS); culling is off").message());
  });
}

CachefilesCuller::~CachefilesCuller() {
  Stop();
}

absl::Status CachefilesCuller::Cull(const ObjectKey& key, std::chrono::milliseconds patience, bool appears) {
  std::promise<absl::Status> result;
  std::future<absl::Status> done = result.get_future();
  thread_.Submit([this, &key, patience, appears, result = std::move(result)]() mutable {
    result.set_value(CullNow(key, patience, appears));
  });
  return done.get();
}

absl::Status CachefilesCuller::CullNow(const ObjectKey& key, std::chrono::milliseconds patience,
                                       bool appears) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!stopping_) {
    const std::optional<CacheFile> file = FindCacheFile(dir_, key);
    if (!file.has_value() && !appears) return absl::OkStatus();
    const int error = file.has_value() ? Remove(*file) : ENOENT;
    if (error == 0 || error == ESTALE || (error == ENOENT && !appears)) return absl::OkStatus();
    if (error != EBUSY && error != ENOENT) return ErrnoStatus(error, absl::StrCat("culling ", key.text()));
    if (std::chrono::steady_clock::now() >= deadline) {
      if (error == ENOENT) return absl::OkStatus();
      return absl::FailedPreconditionError(absl::StrCat("the kernel uses object ", key.text()));
    }
    std::this_thread::sleep_for(kRetryInterval);
  }
  return absl::UnavailableError("the cachefiles door is stopping");
}

void CachefilesCuller::MakeSpace() {
  if (making_space_.exchange(true)) return;
  thread_.Submit([this] {
    MakeSpaceNow();
    making_space_ = false;
  });
}

void CachefilesCuller::MakeSpaceNow() {
  if (HasSpace()) return;  // the kernel sees it with its next write
  uint64_t files = 0;
  uint64_t bytes = 0;
  for (const CacheFile& file : CacheFilesByAge(dir_)) {
    if (stopping_) return;
    if (Remove(file) != 0) continue;  // in use, or gone
    ++files;
    bytes += file.bytes;
    if (HasSpace()) break;
  }
  if (files > 0) {
    warned_ = false;
    LogInfo("culled ", files, " objects of ", FormatBytes(bytes), " from ", dir_);
  } else if (!std::exchange(warned_, true)) {
    LogWarning("the disk of ", dir_,
               " is nearly full and nothing of the cache can be culled: all of it is "
               "mounted; free space there or unmount images");
  }
}

bool CachefilesCuller::HasSpace() const {
  struct statvfs fs {};
  if (statvfs(dir_.c_str(), &fs) != 0) return true;
  // The kernel's own arithmetic (cachefiles_add_cache, cachefiles_has_space).
  return fs.f_bavail >= fs.f_blocks / 100 * limits_.brun && fs.f_ffree >= fs.f_files / 100 * limits_.frun;
}

int CachefilesCuller::Remove(const CacheFile& file) {
  if (!own_directory_) return EPERM;
  if (chdir(file.folder.c_str()) != 0) return errno;
  const int error = device_->Command(CullCommand(file.name));
  LogDebug("cull ", file.folder, "/", file.name, ": ", error);
  if (error == 0) ++culled_;
  return error;
}

}  // namespace lacuna
