#include "cachefiles/watched_backing_file.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// Behind every object (ChunkMap::kMaxObjectSize): there is no page to wait for.
constexpr off64_t kBehindAll = off64_t{1} << 41;

// False when a write-back failed since the last call with this description. Waits for no page and starts no
// write: what is left of the call is that it tells.
bool NothingLostSince(int fd) {
  return sync_file_range(fd, kBehindAll, 1, SYNC_FILE_RANGE_WAIT_BEFORE) == 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<WatchedBackingFile>> WatchedBackingFile::Over(
    std::unique_ptr<PosixBackingFile> file) {
  ASSIGN_OR_RETURN(UniqueFd watch, file->Reopen());
  // What an earlier process lost, and nobody was told of yet, was never committed.
  NothingLostSince(watch.get());
  return std::unique_ptr<WatchedBackingFile>(new WatchedBackingFile(std::move(file), std::move(watch)));
}

WatchedBackingFile::WatchedBackingFile(std::unique_ptr<PosixBackingFile> file, UniqueFd watch)
    : file_(std::move(file)), watch_(std::move(watch)) {}

absl::Status WatchedBackingFile::WriteAt(uint64_t offset, absl::Span<const char> bytes) {
  return file_->WriteAt(offset, bytes);
}

absl::Status WatchedBackingFile::ReadAt(uint64_t offset, absl::Span<char> out) {
  RETURN_IF_ERROR(file_->ReadAt(offset, out));
  return CheckNothingIsLost();
}

absl::Status WatchedBackingFile::Sync() {
  return file_->Sync();
}

absl::Status WatchedBackingFile::PunchHole(const ByteRange& range) {
  return file_->PunchHole(range);
}

absl::Status WatchedBackingFile::CheckNothingIsLost() {
  // Under the lock, so that whoever finds no error any more finds it in lost_.
  MutexLock lock(mutex_);
  if (!lost_.ok()) return lost_;
  if (!NothingLostSince(watch_.get())) {
    lost_ = ErrnoStatus(errno, absl::StrCat("the disk lost bytes of ", file_->path()));
  }
  return lost_;
}

}  // namespace lacuna
