// FetchStats while they grow. Thread-safe.
#pragma once

#include <cstdint>

#include "daemon/base/mutex.h"
#include "registry/fetch_stats.h"
#include "registry/priority.h"

namespace lacuna {

class FetchCounters {
 public:
  void AddKept(Priority priority, uint64_t bytes) {
    MutexLock lock(mutex_);
    switch (priority) {
      case Priority::kDemand:
        stats_.demand_bytes += bytes;
        break;
      case Priority::kPrefetch:
        stats_.prefetch_bytes += bytes;
        break;
      case Priority::kFill:
        stats_.fill_bytes += bytes;
        break;
    }
  }
  void AddWasted(uint64_t bytes) {
    MutexLock lock(mutex_);
    stats_.wasted_bytes += bytes;
  }
  void AddWholeBlobAnswer() {
    MutexLock lock(mutex_);
    ++stats_.whole_blob_answers;
  }
  // `code` is the HTTP status; 0 when there was no answer.
  void AddRequest(int code) {
    MutexLock lock(mutex_);
    ++stats_.requests_by_code[code];
  }

  FetchStats stats() const {
    MutexLock lock(mutex_);
    return stats_;
  }

 private:
  mutable Mutex mutex_;
  FetchStats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
