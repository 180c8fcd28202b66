// What the tests of the fuse door share: an engine that does what the test says, and a backing file in
// memory.
//
// Thread-safe.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class BytesInMemory : public BackingFile {
 public:
  explicit BytesInMemory(std::string bytes) : bytes_(std::move(bytes)) {}

  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override {
    if (broken) return absl::DataLossError("planted");
    if (offset + out.size() > bytes_.size()) return absl::OutOfRangeError("past the end");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  absl::Status WriteAt(uint64_t, absl::Span<const char>) override { return absl::OkStatus(); }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status PunchHole(const ByteRange&) override { return absl::OkStatus(); }

  const std::string& bytes() const { return bytes_; }
  std::atomic<bool> broken = false;

 private:
  const std::string bytes_;
};

// Hands each read to `on_read`, on the door's thread; by default parks it for the test to take.
class ScriptedEngine : public DoorHandler {
 public:
  absl::StatusOr<uint64_t> OnOpen(const OpenedObject& object) override {
    MutexLock lock(mutex_);
    ++opens_[object.key];
    if (!open_answer_.ok()) return Fresh(open_answer_);
    return sizes_[object.key];
  }
  void OnRead(PendingRead read) override {
    std::function<void(PendingRead)> on_read;
    {
      MutexLock lock(mutex_);
      on_read = on_read_;
      if (on_read == nullptr) parked_.push_back(std::move(read));
      changed_.NotifyAll();
    }
    if (on_read != nullptr) on_read(std::move(read));
  }
  void OnReady(ObjectId) override {}
  void OnClose(ObjectId) override {
    MutexLock lock(mutex_);
    ++closes_;
    changed_.NotifyAll();
  }

  void Knows(const PublishedObject& object) {
    MutexLock lock(mutex_);
    sizes_[object.key] = object.size;
  }
  void AnswerOpensWith(absl::Status status) {
    MutexLock lock(mutex_);
    open_answer_ = std::move(status);
  }
  void AnswerReadsBy(std::function<void(PendingRead)> on_read) {
    MutexLock lock(mutex_);
    on_read_ = std::move(on_read);
  }
  void AnswerReadsWith(const absl::Status& status) {
    AnswerReadsBy([code = status.code(), message = std::string(status.message())](PendingRead read) {
      std::move(read).Complete(absl::Status(code, message));
    });
  }
  void ParkReads() { AnswerReadsBy(nullptr); }

  // Waits until `count` reads are parked (at most 20 s), and takes all that are.
  std::vector<PendingRead> TakeParked(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    MutexLock lock(mutex_);
    while (parked_.size() < count && changed_.WaitUntil(mutex_, deadline)) continue;
    return std::exchange(parked_, {});
  }
  int closes() {
    MutexLock lock(mutex_);
    return closes_;
  }
  int opens(const ObjectKey& key) {
    MutexLock lock(mutex_);
    return opens_[key];
  }

 private:
  // Of its own: Debian's library is not instrumented, so TSan misses how copies of a Status share their text.
  static absl::Status Fresh(const absl::Status& status) { return {status.code(), status.message()}; }

  Mutex mutex_;
  CondVar changed_;
  std::function<void(PendingRead)> on_read_ ABSL_GUARDED_BY(mutex_);
  std::vector<PendingRead> parked_ ABSL_GUARDED_BY(mutex_);
  absl::Status open_answer_ ABSL_GUARDED_BY(mutex_);
  std::map<ObjectKey, uint64_t> sizes_ ABSL_GUARDED_BY(mutex_);
  std::map<ObjectKey, int> opens_ ABSL_GUARDED_BY(mutex_);
  int closes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace lacuna
