// A local file that is being filled, and whose reads never give what the disk has lost.
//
// A disk that fails to write back turns bytes that were accepted into zeros: once the kernel has let go of
// the pages, a read finds the hole, and only the next Sync tells (KERNEL.md 2.2). Between the two, readers
// would get the zeros. So each read asks afterwards whether anything was lost: the kernel notes the error
// before it lets a page go.
//
// Caller: ObjectStore, for objects that are not finished. Thread-safe.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "cachefiles/posix_backing_file.h"
#include "daemon/base/mutex.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

class WatchedBackingFile : public BackingFile {
 public:
  // Watches `file` from now on: nothing that was written before may be read and believed without a Sync.
  static absl::StatusOr<std::unique_ptr<WatchedBackingFile>> Over(std::unique_ptr<PosixBackingFile> file);

  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override;
  // Never OK again once something was lost.
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override;
  absl::Status Sync() override;
  absl::Status PunchHole(const ByteRange& range) override;

 private:
  WatchedBackingFile(std::unique_ptr<PosixBackingFile> file, UniqueFd watch);

  absl::Status CheckNothingIsLost();

  const std::unique_ptr<PosixBackingFile> file_;

  Mutex mutex_;  // held for moments only
  // A description of its own, because the kernel tells each of an error once: Sync must not take it from
  // here.
  const UniqueFd watch_;
  absl::Status lost_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
