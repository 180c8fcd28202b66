#include "daemon/failed_chunks.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

using std::chrono::seconds;

const TimePoint kStart = TimePoint(std::chrono::hours(1));

TEST(FailedChunks, RemembersTheReasonForAWhile) {
  FailedChunks failed(seconds(2));
  failed.Remember(7, absl::UnavailableError("gone"), kStart);
  EXPECT_EQ(failed.Find({6, 7, 8}, kStart + seconds(1)).message(), "gone");
  EXPECT_TRUE(failed.Find({6, 8}, kStart + seconds(1)).ok());
  EXPECT_TRUE(failed.Find({7}, kStart + seconds(2)).ok());
  EXPECT_EQ(failed.size(), 0u);
}

TEST(FailedChunks, FailingAgainRemembersAnew) {
  FailedChunks failed(seconds(2));
  failed.Remember(7, absl::UnavailableError("first"), kStart);
  failed.Remember(7, absl::UnavailableError("second"), kStart + seconds(1));
  EXPECT_EQ(failed.Find({7}, kStart + seconds(2)).message(), "second");
  EXPECT_TRUE(failed.Find({7}, kStart + seconds(3)).ok());
}

TEST(FailedChunks, ForgetsWhatCameAfterAll) {
  FailedChunks failed(seconds(2));
  failed.Remember(7, absl::UnavailableError("gone"), kStart);
  failed.Forget(7);
  EXPECT_TRUE(failed.Find({7}, kStart).ok());
}

TEST(FailedChunks, HoldsNothingLongerThanItsMemory) {
  FailedChunks failed(seconds(2));
  for (int second = 0; second < 100; ++second) {
    failed.Remember(second, absl::UnavailableError("gone"), kStart + seconds(second));
    EXPECT_LE(failed.size(), 2u);
  }
}

}  // namespace
}  // namespace lacuna
