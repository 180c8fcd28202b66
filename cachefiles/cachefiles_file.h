// The KernelFile of one open object: writes and looks for holes through the descriptor of its OPEN.
//
// That descriptor writes with O_DIRECT, and only whole blocks at whole blocks' offsets are safe (KERNEL.md
// section 1.8), so bytes from elsewhere go through an aligned buffer. Made by the door; used by the engine
// and the door's own fill. Thread-safe. May block on the disk: not for the door's thread.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "cachefiles/kernel_file.h"
#include "cachefiles/shared_fd.h"

namespace lacuna {

class CachefilesFile : public KernelFile {
 public:
  // Every call fails with Unavailable once `fd` is closed.
  explicit CachefilesFile(std::shared_ptr<SharedFd> fd) : fd_(std::move(fd)) {}

  // InvalidArgument for an offset within a block. A last part of a block is padded with zeros.
  // ResourceExhausted when the cache's file system is full or below its limit (ENOBUFS).
  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override;
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override;
  absl::Status Sync() override { return absl::OkStatus(); }
  // Unimplemented: the kernel gives space back by culling whole objects.
  absl::Status PunchHole(const ByteRange& range) override;
  absl::StatusOr<std::vector<ByteRange>> DataIn(const ByteRange& range) override;

 private:
  absl::Status AwaitFile(int fd);
  absl::Status WriteBlocks(int fd, uint64_t offset, absl::Span<const char> blocks);
  absl::Status WriteError(int fd, int error, const ByteRange& range);

  const std::shared_ptr<SharedFd> fd_;
  std::atomic<bool> has_file_ = false;  // the kernel has made the object's file
};

}  // namespace lacuna
