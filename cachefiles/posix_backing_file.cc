#include "cachefiles/posix_backing_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// O_NONBLOCK: a FIFO under the name must not hang the open. It means nothing for the regular files we keep.
constexpr int kFlags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;

}  // namespace

absl::StatusOr<std::unique_ptr<PosixBackingFile>> PosixBackingFile::Open(const std::string& path) {
  UniqueFd fd(open(path.c_str(), kFlags));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path));
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::FailedPreconditionError(absl::StrCat("open ", path, ": not a regular file; remove it"));
  }
  return std::unique_ptr<PosixBackingFile>(new PosixBackingFile(path, std::move(fd)));
}

absl::StatusOr<std::unique_ptr<PosixBackingFile>> PosixBackingFile::Create(const std::string& path,
                                                                           uint64_t size) {
  UniqueFd fd(open(path.c_str(), kFlags | O_CREAT | O_EXCL, 0600));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("create ", path));
  if (ftruncate(fd.get(), static_cast<off_t>(size)) != 0) {
    const absl::Status status = ErrnoStatus(errno, absl::StrCat("set the size of ", path, " to ", size));
    unlink(path.c_str());
    return status;
  }
  return std::unique_ptr<PosixBackingFile>(new PosixBackingFile(path, std::move(fd)));
}

absl::Status PosixBackingFile::WriteAt(uint64_t offset, absl::Span<const char> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Error("write", {offset, bytes.size()});
    offset += written;
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

absl::Status PosixBackingFile::ReadAt(uint64_t offset, absl::Span<char> out) {
  while (!out.empty()) {
    const ssize_t got = pread(fd_.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Error("read", {offset, out.size()});
    if (got == 0) {
      return absl::OutOfRangeError(
          absl::StrCat("read ", path_, ": the file ends before byte ", offset + out.size()));
    }
    offset += got;
    out.remove_prefix(got);
  }
  return absl::OkStatus();
}

absl::Status PosixBackingFile::Sync() {
  // Not repeated on EINTR: an error that was reported once is not reported again.
  if (fdatasync(fd_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", path_));
  return absl::OkStatus();
}

absl::Status PosixBackingFile::PunchHole(const ByteRange& range) {
  constexpr int kMode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  if (range.empty()) return absl::OkStatus();
  while (fallocate(fd_.get(), kMode, static_cast<off_t>(range.offset), static_cast<off_t>(range.length)) !=
         0) {
    if (errno != EINTR) return Error("punch a hole into", range);
  }
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> PosixBackingFile::Size() const {
  struct stat info {};
  if (fstat(fd_.get(), &info) != 0) return ErrnoStatus(errno, absl::StrCat("stat ", path_));
  return static_cast<uint64_t>(info.st_size);
}

absl::StatusOr<UniqueFd> PosixBackingFile::Reopen() const {
  // Not by its path, which may have another file by now.
  UniqueFd fd(open(absl::StrCat("/proc/self/fd/", fd_.get()).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(errno, absl::StrCat("open ", path_, " again"));
  return fd;
}

absl::Status PosixBackingFile::Error(absl::string_view what, const ByteRange& range) const {
  const int error = errno;
  return ErrnoStatus(error, absl::StrCat(what, " ", path_, " at ", ToString(range)));
}

}  // namespace lacuna
