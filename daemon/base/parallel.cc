#include "daemon/base/parallel.h"

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "daemon/base/mutex.h"

namespace lacuna {

absl::Status ForEachInParallel(size_t count, int threads, absl::FunctionRef<absl::Status(size_t)> work) {
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  Mutex mutex;
  absl::Status first_error;
  const auto run = [&] {
    for (size_t i = next++; i < count && !failed; i = next++) {
      const absl::Status status = work(i);
      if (status.ok()) continue;
      failed = true;
      MutexLock lock(mutex);
      first_error.Update(status);
    }
  };
  std::vector<std::thread> others;
  for (size_t i = 1; i < std::min(count, static_cast<size_t>(threads)); ++i) others.emplace_back(run);
  run();
  for (std::thread& thread : others) thread.join();
  return first_error;
}

}  // namespace lacuna
