// Disks that fail: a file whose unsynced writes a power cut may lose, and a decorator with scripted errors.
//
// Both are thread-safe.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cachefiles/backing_file.h"
#include "daemon/base/mutex.h"

namespace lacuna {

// What a file is to the disk: the bytes a reader sees, and the bytes that survive a power cut. Outlives the
// CrashableFile objects on it, as a disk outlives processes.
class FileImage {
 public:
  static constexpr size_t kSector = 512;  // what a disk writes whole or not at all

  explicit FileImage(std::string bytes = "") : seen_(bytes), durable_(std::move(bytes)) {}

  std::string bytes() const;
  uint64_t size() const;
  // Sector writes that no Sync has covered yet, oldest first.
  size_t unsynced() const;

  // Sector write number i survives when `survives(i)`; reads now see what is left. Without: all are lost.
  void PowerCut(const std::function<bool(size_t)>& survives = nullptr);
  // What a failed fsync leaves (KERNEL.md 2.2): readers go on seeing the unsynced bytes, but no later Sync
  // will write them.
  void LoseWriteback();

  void Write(uint64_t offset, absl::Span<const char> bytes);
  bool Read(uint64_t offset, absl::Span<char> out) const;  // false when the file ends before
  void Sync();
  // For planted damage; durable at once.
  void Replace(std::string bytes);

 private:
  struct SectorWrite {
    uint64_t offset;
    std::string bytes;
  };

  mutable Mutex mutex_;
  std::string seen_ ABSL_GUARDED_BY(mutex_);
  std::string durable_ ABSL_GUARDED_BY(mutex_);
  std::vector<SectorWrite> unsynced_ ABSL_GUARDED_BY(mutex_);
};

// An open descriptor of a FileImage.
class CrashableFile : public BackingFile {
 public:
  explicit CrashableFile(std::shared_ptr<FileImage> image) : image_(std::move(image)) {}

  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override;
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override;
  absl::Status Sync() override;
  absl::Status PunchHole(const ByteRange& range) override;

 private:
  const std::shared_ptr<FileImage> image_;
};

// Passes everything on to another file, except what the test scripted.
class FaultyBackingFile : public BackingFile {
 public:
  enum class Call { kWrite, kRead, kSync, kPunchHole };

  struct Fault {
    Call call;
    absl::Status status;
    int after = 0;          // so many calls pass before the first that fails
    int times = 1;          // so many fail
    size_t torn_bytes = 0;  // of a failing write, this prefix is written all the same
  };

  explicit FaultyBackingFile(std::shared_ptr<BackingFile> file) : file_(std::move(file)) {}

  void Inject(Fault fault);
  // How often `call` was made, failures included.
  int calls(Call call) const;
  // Runs inside each `call`, before it takes effect; to hold a disk back, or to act at its very moment.
  void OnCall(Call call, std::function<void()> hook);

  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override;
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override;
  absl::Status Sync() override;
  absl::Status PunchHole(const ByteRange& range) override;

 private:
  // The fault that strikes this call; one with an OK status when none does.
  Fault Strike(Call call);

  const std::shared_ptr<BackingFile> file_;

  mutable Mutex mutex_;
  std::vector<Fault> faults_ ABSL_GUARDED_BY(mutex_);
  std::array<int, 4> calls_ ABSL_GUARDED_BY(mutex_){};
  std::array<std::function<void()>, 4> hooks_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
