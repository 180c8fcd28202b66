// What is tried again: the table's promises, spelled out.
#include "registry/retry_policy.h"

#include <gtest/gtest.h>

#include "daemon/base/status.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;

constexpr Failure kAll[] = {Failure::kConnection, Failure::kStalled,   Failure::kThrottled, Failure::kServer,
                            Failure::kBadAnswer,  Failure::kUntrusted, Failure::kRefused,   Failure::kAbsent,
                            Failure::kMisled,     Failure::kFinal};

TEST(RetryPolicy, TheTableIsInTheOrderOfItsKeys) {
  for (const Failure failure : kAll) EXPECT_EQ(RuleOf(failure).failure, failure);
}

TEST(RetryPolicy, AReaderIsServedByWhateverMayPass) {
  for (const Failure passing :
       {Failure::kConnection, Failure::kStalled, Failure::kThrottled, Failure::kServer, Failure::kMisled}) {
    EXPECT_TRUE(MayTryAgain(passing, 1000, Persistence::kUntilDeadline));
    EXPECT_FALSE(MayTryAgain(passing, 4, Persistence::kAFewTimes));
    EXPECT_TRUE(MayTryAgain(passing, 1, Persistence::kAFewTimes));
  }
}

TEST(RetryPolicy, WhatWillNotPassIsNotTriedAgainAtTheSameServer) {
  for (const Failure lasting : {Failure::kUntrusted, Failure::kRefused, Failure::kAbsent, Failure::kFinal}) {
    EXPECT_FALSE(MayTryAgain(lasting, 1, Persistence::kUntilDeadline));
  }
  EXPECT_TRUE(MayTryAgain(Failure::kBadAnswer, 2, Persistence::kUntilDeadline));
  EXPECT_FALSE(MayTryAgain(Failure::kBadAnswer, 3, Persistence::kUntilDeadline));
}

TEST(RetryPolicy, OnceIsOnce) {
  for (const Failure failure : kAll) EXPECT_FALSE(MayTryAgain(failure, 1, Persistence::kOnce));
}

// A server that says no works; one that cannot be trusted is left alone at once.
TEST(RetryPolicy, OnlyTroubleIsHeldAgainstAServer) {
  for (const Failure no : {Failure::kRefused, Failure::kAbsent, Failure::kMisled, Failure::kFinal})
    EXPECT_EQ(RuleOf(no).penalty, 0);
  EXPECT_GT(RuleOf(Failure::kStalled).penalty, RuleOf(Failure::kConnection).penalty);
}

TEST(RetryPolicy, CodesAndErrorsMeanTheSameThings) {
  EXPECT_EQ(FailureOfCode(401), Failure::kRefused);
  EXPECT_EQ(FailureOfCode(404), Failure::kAbsent);
  EXPECT_EQ(FailureOfCode(408), Failure::kServer);
  EXPECT_EQ(FailureOfCode(416), Failure::kBadAnswer);
  EXPECT_EQ(FailureOfCode(418), Failure::kRefused);
  EXPECT_EQ(FailureOfCode(429), Failure::kThrottled);
  EXPECT_EQ(FailureOfCode(503), Failure::kServer);
  EXPECT_EQ(FailureOf(absl::UnavailableError("")), Failure::kConnection);
  EXPECT_EQ(FailureOf(absl::DeadlineExceededError("")), Failure::kStalled);
  EXPECT_EQ(FailureOf(absl::PermissionDeniedError("")), Failure::kUntrusted);
  EXPECT_EQ(FailureOf(IntegrityError("")), Failure::kBadAnswer);
  EXPECT_EQ(FailureOf(absl::CancelledError("")), Failure::kFinal);
}

TEST(RetryPolicy, BackoffDoublesUpToAFewSecondsAndIsSpread) {
  for (int failed = 1; failed < 40; ++failed) {
    const Duration longest =
        std::min<Duration>(milliseconds(100) * (1LL << std::min(failed - 1, 20)), milliseconds(5000));
    bool differs = false;
    const Duration first = Backoff(failed);
    for (int i = 0; i < 50; ++i) {
      const Duration backoff = Backoff(failed);
      EXPECT_GE(backoff, longest / 2) << failed;
      EXPECT_LE(backoff, longest) << failed;
      differs |= backoff != first;
    }
    EXPECT_TRUE(differs);
  }
}

}  // namespace
}  // namespace lacuna
