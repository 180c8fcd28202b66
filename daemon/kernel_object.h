// The bytes of an object that the kernel keeps: written through to its KernelFile while the object is open
// there, held in memory for the moment before, when the daemon looks at an image that nobody has mounted yet.
//
// Caller: BlobCache, which has one instead of a local file. Thread-safe.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/kernel_file.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class KernelObject : public BackingFile {
 public:
  // What may be held in memory: superblock and device table of a bootstrap (erofs_metadata.h), in whole
  // chunks.
  static constexpr uint64_t kMaxStagedBytes = 16 * 1024 * 1024;

  // The kernel has opened the object. What was written before is not in `file` yet: see Unstage.
  void Attach(std::shared_ptr<KernelFile> file);
  // The kernel has closed it, and memory is empty again. False when it was `file` no more.
  bool Detach(const KernelFile& file);
  // Null while the kernel does not have it open.
  std::shared_ptr<KernelFile> file() const;
  // Writes what is held in memory to `file`. It can still be read afterwards, until Detach.
  absl::Status Unstage(KernelFile& file);

  // In memory: ResourceExhausted beyond kMaxStagedBytes.
  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override;
  // Only what was held in memory; OutOfRange for the rest: the kernel lets nobody read its file.
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override;
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status PunchHole(const ByteRange& range) override;

 private:
  absl::Status Stage(uint64_t offset, absl::Span<const char> bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::shared_ptr<KernelFile> file_ ABSL_GUARDED_BY(mutex_);
  std::map<uint64_t, std::vector<char>> staged_ ABSL_GUARDED_BY(mutex_);  // by offset; apart from each other
  uint64_t staged_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace lacuna
