#include "registry/pending_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/base/sync_folder.h"

namespace lacuna {
namespace {

constexpr mode_t kMode = 0666;  // less the umask

// A passing name, of this process alone.
std::string PassingName(const std::string& folder) {
  static std::atomic<uint64_t> number{0};
  return absl::StrCat(folder, "/.new-", getpid(), "-", ++number);
}

}  // namespace

absl::StatusOr<PendingFile> PendingFile::In(const std::string& folder) {
  UniqueFd file(open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kMode));
  if (file.valid()) return PendingFile(folder, std::move(file), "");
  if (errno != EOPNOTSUPP && errno != EISDIR) return ErrnoStatus(errno, folder);
  std::string name = PassingName(folder);
  file.Reset(open(name.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, kMode));
  if (!file.valid()) return ErrnoStatus(errno, name);
  return PendingFile(folder, std::move(file), std::move(name));
}

PendingFile::~PendingFile() {
  if (file_.valid() && !name_.empty()) unlink(name_.c_str());
}

absl::Status PendingFile::Write(absl::Span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(file_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) return ErrnoStatus(errno, absl::StrCat("writing in ", folder_));
    bytes.remove_prefix(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status PendingFile::Skip(uint64_t bytes) {
  const off_t end = lseek(file_.get(), static_cast<off_t>(bytes), SEEK_CUR);
  if (end < 0 || ftruncate(file_.get(), end) != 0)
    return ErrnoStatus(errno, absl::StrCat("writing in ", folder_));
  return absl::OkStatus();
}

absl::Status PendingFile::Commit(const std::string& path) {
  if (fsync(file_.get()) != 0) return ErrnoStatus(errno, path);
  if (name_.empty()) {
    // A link never replaces what is there, so that a rename has to follow.
    std::string name = PassingName(folder_);
    const std::string self = absl::StrCat("/proc/self/fd/", file_.get());
    if (linkat(AT_FDCWD, self.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0) {
      return ErrnoStatus(errno, path);
    }
    name_ = std::move(name);
  }
  if (rename(name_.c_str(), path.c_str()) != 0) return ErrnoStatus(errno, path);
  name_.clear();
  return SyncFolder(folder_);
}

absl::StatusOr<UniqueFd> PendingFile::Release() {
  if (!name_.empty() && unlink(name_.c_str()) != 0) return ErrnoStatus(errno, name_);
  name_.clear();
  return std::move(file_);
}

}  // namespace lacuna
