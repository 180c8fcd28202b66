// A keeper that notes what is left to it, and gives a predecessor's objects that a test has put there.
//
// Thread-safe.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cachefiles/private_keeper.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class RecordingKeeper : public PrivateKeeper {
 public:
  absl::Status Keep(KeptKind kind, int, uint64_t) override {
    MutexLock lock(mutex_);
    kinds_.push_back(kind);
    return absl::OkStatus();
  }
  void KeepObject(ObjectId id, uint64_t size, absl::string_view name, int) override {
    MutexLock lock(mutex_);
    kept_[id] = {std::string(name), size};
  }
  void DropObject(ObjectId id) override {
    MutexLock lock(mutex_);
    kept_.erase(id);
  }
  std::vector<Object> TakeObjects() override {
    MutexLock lock(mutex_);
    return std::exchange(left_, {});
  }

  void Leave(Object object) {
    MutexLock lock(mutex_);
    left_.push_back(std::move(object));
  }
  std::map<ObjectId, std::pair<std::string, uint64_t>> kept() const {
    MutexLock lock(mutex_);
    return kept_;
  }
  std::vector<KeptKind> kinds() const {
    MutexLock lock(mutex_);
    return kinds_;
  }

 private:
  mutable Mutex mutex_;
  std::vector<KeptKind> kinds_ ABSL_GUARDED_BY(mutex_);
  std::map<ObjectId, std::pair<std::string, uint64_t>> kept_ ABSL_GUARDED_BY(mutex_);
  std::vector<Object> left_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
