#include "registry/circuit_breaker.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

using State = CircuitBreaker::State;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLongestRest(3);
const TimePoint kStart = TimePoint(std::chrono::hours(1));

CircuitBreaker Opened() {
  CircuitBreaker breaker(4, kLongestRest);
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(breaker.OnFailure(1, kStart));
  EXPECT_TRUE(breaker.OnFailure(1, kStart));
  return breaker;
}

TEST(CircuitBreaker, OpensAfterFailuresInARowAndNotBefore) {
  CircuitBreaker breaker(4, kLongestRest);
  for (int i = 0; i < 100; ++i) {
    for (int failure = 0; failure < 3; ++failure) breaker.OnFailure(1, kStart);
    EXPECT_EQ(breaker.state(kStart), State::kClosed);
    breaker.OnSuccess();
  }
  EXPECT_EQ(Opened().state(kStart), State::kOpen);
}

TEST(CircuitBreaker, NoPenaltyNoCount) {
  CircuitBreaker breaker(4, kLongestRest);
  for (int i = 0; i < 100; ++i) EXPECT_FALSE(breaker.OnFailure(0, kStart));
  EXPECT_EQ(breaker.state(kStart), State::kClosed);
}

TEST(CircuitBreaker, OneProbeThenClosedOrOpenAgainForLonger) {
  CircuitBreaker breaker = Opened();
  EXPECT_FALSE(breaker.wants_probe(kStart));
  TimePoint now = kStart + seconds(1);
  ASSERT_TRUE(breaker.wants_probe(now));
  breaker.BeginProbe();
  EXPECT_FALSE(breaker.wants_probe(now));
  EXPECT_EQ(breaker.state(now), State::kHalfOpen);
  EXPECT_FALSE(breaker.OnFailure(1, now));  // not news
  EXPECT_EQ(breaker.state(now), State::kOpen);
  EXPECT_GE(breaker.open_until() - now, seconds(1));

  now = breaker.open_until();
  ASSERT_TRUE(breaker.wants_probe(now));
  breaker.BeginProbe();
  EXPECT_TRUE(breaker.OnSuccess());
  EXPECT_EQ(breaker.state(now), State::kClosed);
  EXPECT_FALSE(breaker.OnFailure(1, now));  // counted from nothing
}

TEST(CircuitBreaker, AProbeThatSaysNothingLeavesRoomForAnother) {
  CircuitBreaker breaker = Opened();
  const TimePoint now = kStart + seconds(1);
  breaker.BeginProbe();
  breaker.AbandonProbe();
  EXPECT_TRUE(breaker.wants_probe(now));
}

TEST(CircuitBreaker, WhatWasUnderWayWhenItOpenedKeepsItOpenNoLonger) {
  CircuitBreaker breaker = Opened();
  const TimePoint until = breaker.open_until();
  for (int i = 0; i < 50; ++i) breaker.OnFailure(2, kStart + milliseconds(10));
  EXPECT_EQ(breaker.open_until(), until);
}

TEST(CircuitBreaker, ItsRestNeverGrowsBeyondWhatAReaderCanWait) {
  CircuitBreaker breaker = Opened();
  TimePoint now = kStart;
  for (int i = 0; i < 20; ++i) {
    now = breaker.open_until();
    breaker.BeginProbe();
    breaker.OnFailure(1, now);
    EXPECT_LE(breaker.open_until() - now, kLongestRest);
  }
}

}  // namespace
}  // namespace lacuna
