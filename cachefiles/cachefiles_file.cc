#include "cachefiles/cachefiles_file.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/block_aligned_buffer.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// How much of a caller's bytes is copied to an aligned buffer at once.
constexpr size_t kBounceBytes = 1024 * 1024;

// How long the kernel may take from copen to the object's file. It creates or opens one file meanwhile.
constexpr std::chrono::seconds kFilePatience(2);

absl::Status Closed() {
  return absl::UnavailableError("the kernel has closed the object");
}

bool IsAligned(absl::Span<const char> bytes) {
  return reinterpret_cast<uintptr_t>(bytes.data()) % kBlockSize == 0 && bytes.size() % kBlockSize == 0;
}

absl::Status AppendDataIn(int fd, const ByteRange& range, std::vector<ByteRange>& data) {
  // The kernel seeks in the object's file, whose own position nobody uses: writes name their offset, each
  // seek its start. So seeks of several threads need no order.
  uint64_t at = range.offset;
  while (at < range.end()) {
    const off_t begin = lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (begin < 0 && errno == ENXIO) return absl::OkStatus();  // no data from here on
    if (begin < 0) return ErrnoStatus(errno, "SEEK_DATA in a cachefiles object");
    if (static_cast<uint64_t>(begin) >= range.end()) return absl::OkStatus();
    const off_t end = lseek(fd, begin, SEEK_HOLE);
    if (end < 0) return ErrnoStatus(errno, "SEEK_HOLE in a cachefiles object");
    if (end <= begin) return absl::InternalError("SEEK_HOLE stands still in a cachefiles object");
    at = std::min(static_cast<uint64_t>(end), range.end());
    data.push_back({static_cast<uint64_t>(begin), at - begin});
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CachefilesFile::WriteAt(uint64_t offset, absl::Span<const char> bytes) {
  if (offset % kBlockSize != 0) {
    return absl::InvalidArgumentError(absl::StrCat("write at ", offset, ", which is not a block's offset"));
  }
  absl::Status status = Closed();
  fd_->WhileOpen([&](int fd) {
    status = AwaitFile(fd);
    if (!status.ok() || bytes.empty()) return;
    if (IsAligned(bytes)) {
      status = WriteBlocks(fd, offset, bytes);
      return;
    }
    BlockAlignedBuffer buffer(RoundUp(std::min(bytes.size(), kBounceBytes), kBlockSize));
    while (status.ok() && !bytes.empty()) {
      const size_t size = std::min(bytes.size(), kBounceBytes);
      const absl::Span<char> blocks = absl::MakeSpan(buffer).first(RoundUp(size, kBlockSize));
      std::memcpy(blocks.data(), bytes.data(), size);
      std::fill(blocks.begin() + size, blocks.end(), '\0');
      status = WriteBlocks(fd, offset, blocks);
      offset += size;
      bytes.remove_prefix(size);
    }
  });
  return status;
}

absl::Status CachefilesFile::ReadAt(uint64_t, absl::Span<char>) {
  return absl::UnimplementedError("the kernel lets nobody read a cachefiles object through its descriptor");
}

absl::Status CachefilesFile::PunchHole(const ByteRange&) {
  return absl::UnimplementedError("a cachefiles object gives its space back only as a whole, by culling");
}

absl::StatusOr<std::vector<ByteRange>> CachefilesFile::DataIn(const ByteRange& range) {
  std::vector<ByteRange> data;
  absl::Status status = Closed();
  fd_->WhileOpen([&](int fd) {
    status = AwaitFile(fd);
    if (status.ok()) status = AppendDataIn(fd, range, data);
  });
  RETURN_IF_ERROR(status);
  return data;
}

// copen returns before the kernel's worker has gone on to make the object's file; until it has, everything
// fails with ENOBUFS (cachefiles_create_file in fs/cachefiles/namei.c). A seek to the start tells.
absl::Status CachefilesFile::AwaitFile(int fd) {
  const auto deadline = std::chrono::steady_clock::now() + kFilePatience;
  while (!has_file_) {
    if (lseek(fd, 0, SEEK_SET) == 0) {
      has_file_ = true;
    } else if (errno != ENOBUFS) {
      return ErrnoStatus(errno, "seek in a cachefiles object");
    } else if (fd_->closing() || std::chrono::steady_clock::now() >= deadline) {
      return absl::UnavailableError("the kernel has made no file for the object; its log may say why");
    } else {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  return absl::OkStatus();
}

absl::Status CachefilesFile::WriteBlocks(int fd, uint64_t offset, absl::Span<const char> blocks) {
  while (!blocks.empty()) {
    const ssize_t written = pwrite(fd, blocks.data(), blocks.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return WriteError(fd, errno, {offset, blocks.size()});
    // After a short write it goes on with the block that was cut.
    const uint64_t whole = static_cast<uint64_t>(written) / kBlockSize * kBlockSize;
    if (whole == 0 || whole > blocks.size()) return WriteError(fd, EIO, {offset, blocks.size()});
    offset += whole;
    blocks.remove_prefix(whole);
  }
  return absl::OkStatus();
}

absl::Status CachefilesFile::WriteError(int fd, int error, const ByteRange& range) {
  // ENOBUFS says both that space is short and that the object has lost its file.
  if (error == ENOBUFS && lseek(fd, 0, SEEK_SET) < 0) return Closed();
  if (error == ENOBUFS) error = ENOSPC;
  return ErrnoStatus(error, absl::StrCat("write to a cachefiles object at ", ToString(range)));
}

}  // namespace lacuna
