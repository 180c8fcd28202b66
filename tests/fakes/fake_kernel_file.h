// The kernel's file of an open object, as /dev/cachefiles has it: holes are what nobody wrote, by block.
//
// The bytes are kept by a FakeKernelCache, which outlives the opens, and can be read, unlike the kernel's:
// the test holds them against the truth. Thread-safe.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cachefiles/kernel_file.h"
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"

namespace lacuna {

// What the kernel keeps of one object.
class FakeKernelCache {
 public:
  explicit FakeKernelCache(uint64_t size) : bytes_(size, '?') {}

  void Write(uint64_t offset, absl::Span<const char> bytes) {
    MutexLock lock(mutex_);
    bytes_.replace(offset, bytes.size(), bytes.data(), bytes.size());
    for (uint64_t at = offset; at < offset + bytes.size(); at += kBlockSize) data_.insert(at / kBlockSize);
    ++writes_;
  }
  bool Read(uint64_t offset, absl::Span<char> out) const {
    MutexLock lock(mutex_);
    for (uint64_t at = offset; at < offset + out.size(); at += kBlockSize) {
      if (!data_.contains(at / kBlockSize)) return false;
    }
    bytes_.copy(out.data(), out.size(), offset);
    return true;
  }
  std::vector<ByteRange> DataIn(const ByteRange& range) const {
    std::vector<ByteRange> ranges;
    MutexLock lock(mutex_);
    for (uint64_t at = range.offset; at < range.end();) {
      const uint64_t end = std::min((at / kBlockSize + 1) * kBlockSize, range.end());
      if (data_.contains(at / kBlockSize)) {
        if (ranges.empty() || ranges.back().end() != at) ranges.push_back({at, 0});
        ranges.back().length += end - at;
      }
      at = end;
    }
    return ranges;
  }
  // As culling, or somebody's hole punch.
  void Lose(const ByteRange& range) {
    MutexLock lock(mutex_);
    for (uint64_t at = range.offset; at < range.end(); at += kBlockSize) data_.erase(at / kBlockSize);
  }
  int writes() const {
    MutexLock lock(mutex_);
    return writes_;
  }

 private:
  mutable Mutex mutex_;
  std::string bytes_ ABSL_GUARDED_BY(mutex_);
  std::set<uint64_t> data_ ABSL_GUARDED_BY(mutex_);  // block numbers
  int writes_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One open of it.
class FakeKernelFile : public KernelFile {
 public:
  explicit FakeKernelFile(std::shared_ptr<FakeKernelCache> cache) : cache_(std::move(cache)) {}

  // From here on nothing works, as on a descriptor whose object is gone.
  void Close() {
    MutexLock lock(mutex_);
    state_ = absl::UnavailableError("closed");
  }
  void Fail(absl::Status status) {
    MutexLock lock(mutex_);
    state_ = std::move(status);
  }
  void FailWrites(absl::Status status) {
    MutexLock lock(mutex_);
    writes_ = std::move(status);
  }
  // Runs inside each DataIn or WriteAt, before it takes effect.
  void OnDataIn(std::function<void()> hook) {
    MutexLock lock(mutex_);
    on_data_in_ = std::move(hook);
  }
  void OnWrite(std::function<void()> hook) {
    MutexLock lock(mutex_);
    on_write_ = std::move(hook);
  }

  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override {
    if (offset % kBlockSize != 0 || bytes.size() % kBlockSize != 0)
      return absl::InvalidArgumentError("EINVAL");
    RETURN_IF_ERROR(Enter(&FakeKernelFile::on_write_));
    RETURN_IF_ERROR(WriteFailure());
    cache_->Write(offset, bytes);
    return absl::OkStatus();
  }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override {
    if (cache_->Read(offset, out)) return absl::OkStatus();
    return absl::OutOfRangeError(absl::StrCat("a hole at ", offset));
  }
  absl::StatusOr<std::vector<ByteRange>> DataIn(const ByteRange& range) override {
    RETURN_IF_ERROR(Enter(&FakeKernelFile::on_data_in_));
    return cache_->DataIn(range);
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status PunchHole(const ByteRange&) override { return absl::UnimplementedError("as the kernel"); }

 private:
  absl::Status Enter(std::function<void()> FakeKernelFile::*hook) {
    std::function<void()> run;
    {
      MutexLock lock(mutex_);
      run = this->*hook;
    }
    if (run) run();
    MutexLock lock(mutex_);
    return state_;
  }

  absl::Status WriteFailure() {
    MutexLock lock(mutex_);
    return writes_;
  }

  const std::shared_ptr<FakeKernelCache> cache_;

  Mutex mutex_;
  absl::Status state_ ABSL_GUARDED_BY(mutex_);
  absl::Status writes_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_data_in_ ABSL_GUARDED_BY(mutex_);
  std::function<void()> on_write_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
