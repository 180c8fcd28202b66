// ForEachInParallel: everything is done once, several at a time, until something fails.
#include "daemon/base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <vector>

#include "daemon/base/mutex.h"

namespace lacuna {
namespace {

TEST(ForEachInParallel, DoesEachOnce) {
  for (const int threads : {1, 2, 7, 100}) {
    std::vector<std::atomic<int>> done(23);
    EXPECT_TRUE(ForEachInParallel(done.size(), threads, [&](size_t i) {
                  ++done[i];
                  return absl::OkStatus();
                }).ok());
    for (const std::atomic<int>& times : done) EXPECT_EQ(times, 1);
  }
}

TEST(ForEachInParallel, NothingIsOk) {
  EXPECT_TRUE(ForEachInParallel(0, 4, [](size_t) { return absl::UnknownError("never called"); }).ok());
}

TEST(ForEachInParallel, RunsAsManyAtOnceAsItMay) {
  Mutex mutex;
  CondVar changed;
  int running = 0;
  // Each waits for all the others: with fewer threads this would never end.
  EXPECT_TRUE(ForEachInParallel(3, 3, [&](size_t) {
                MutexLock lock(mutex);
                ++running;
                changed.NotifyAll();
                while (running < 3) changed.Wait(mutex);
                return absl::OkStatus();
              }).ok());
}

TEST(ForEachInParallel, BeginsNothingAfterAnError) {
  std::atomic<int> done = 0;
  const absl::Status status = ForEachInParallel(1000, 1, [&](size_t i) {
    ++done;
    return i == 3 ? absl::DataLossError("third") : absl::OkStatus();
  });
  EXPECT_EQ(status.message(), "third");
  EXPECT_EQ(done, 4);
}

}  // namespace
}  // namespace lacuna
