// HostGate: who goes first, how many at once, how fast, and who waits for how long.
#include "registry/host_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <deque>
#include <random>

#include "absl/strings/str_cat.h"
#include "tests/fakes/fake_clock.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Visitors by number: whom the gate let in, in order, and whom it turned away.
struct Visitors {
  explicit Visitors(HostGate::Limits limits = {}) : gate(std::make_shared<HostGate>("host", limits, clock)) {}

  ~Visitors() { gate->Close(absl::CancelledError("the test's end")); }

  HostGate::Ticket Enter(int number, HostGate::Wish wish = {}) {
    const HostGate::Ticket ticket = HostGate::NewTicket();
    gate->Enter(ticket, wish, [this, number](absl::StatusOr<HostGate::Slot> slot) {
      if (!slot.ok()) {
        refused.emplace_back(number, slot.status());
        return;
      }
      let_in.push_back(number);
      inside.push_back(*std::move(slot));
    });
    return ticket;
  }
  // The one who has been inside for longest goes.
  void Leave() { const HostGate::Slot slot = TakeOldest(); }
  HostGate::Slot TakeOldest() {
    HostGate::Slot slot = std::move(inside.front());
    inside.pop_front();
    return slot;
  }
  void Fail(Failure failure = Failure::kConnection, std::optional<Duration> retry_after = std::nullopt) {
    TakeOldest().Failed(failure, retry_after, "it broke");
  }
  void OpenBreaker() {
    for (int i = 0; i < 4; ++i) {
      Enter(-1);
      Fail();
    }
    let_in.clear();
  }

  FakeClock clock;
  std::shared_ptr<HostGate> gate;
  std::deque<HostGate::Slot> inside;
  std::vector<int> let_in;
  std::vector<std::pair<int, absl::Status>> refused;
};

TEST(HostGate, DemandWaitsOnlyForItsOwnConnections) {
  Visitors visitors({.demand_connections = 2, .prefetch_connections = 1});
  visitors.Enter(1, {.priority = Priority::kFill});
  visitors.Enter(2, {.priority = Priority::kPrefetch});
  for (int i = 3; i <= 5; ++i) visitors.Enter(i);
  EXPECT_THAT(visitors.let_in, ElementsAre(1, 3, 4));
  visitors.Leave();  // a background connection is free, but somebody waits
  EXPECT_THAT(visitors.let_in, ElementsAre(1, 3, 4));
  visitors.Leave();
  EXPECT_THAT(visitors.let_in, ElementsAre(1, 3, 4, 5, 2));
}

TEST(HostGate, LongQueuesDoNotNest) {
  Visitors visitors({.demand_connections = 1});
  visitors.Enter(1);
  int come_and_gone = 0;
  for (int i = 0; i < 200'000; ++i) {
    visitors.gate->Enter(HostGate::NewTicket(), {}, [&](const absl::StatusOr<HostGate::Slot>& slot) {
      come_and_gone += slot.ok() ? 1 : 0;
    });
  }
  EXPECT_EQ(come_and_gone, 0);
  visitors.Leave();
  EXPECT_EQ(come_and_gone, 200'000);
}

TEST(HostGate, RetryAfterHoldsBackEverybody) {
  Visitors visitors;
  visitors.Enter(1);
  visitors.Fail(Failure::kThrottled, seconds(3));
  visitors.Enter(2);
  visitors.Enter(3, {.priority = Priority::kPrefetch});
  EXPECT_EQ(visitors.gate->UsableFrom(), visitors.clock.Now() + seconds(3));
  visitors.clock.Advance(milliseconds(2999));
  EXPECT_THAT(visitors.let_in, ElementsAre(1));
  visitors.clock.Advance(milliseconds(1));
  EXPECT_THAT(visitors.let_in, ElementsAre(1, 2, 3));
}

TEST(HostGate, AShorterRetryAfterShortensNothing) {
  Visitors visitors;
  visitors.Enter(1);
  visitors.Enter(2);
  visitors.Fail(Failure::kThrottled, seconds(5));
  visitors.Fail(Failure::kThrottled, seconds(1));
  EXPECT_EQ(visitors.gate->UsableFrom(), visitors.clock.Now() + seconds(5));
}

TEST(HostGate, TheRateIsABurstOfASecondAndThenEven) {
  Visitors visitors({.demand_connections = 1000, .requests_per_second = 10});
  for (int i = 0; i < 25; ++i) visitors.Enter(i);
  EXPECT_EQ(visitors.let_in.size(), 10);
  visitors.clock.Advance(milliseconds(500));
  EXPECT_EQ(visitors.let_in.size(), 15);
  visitors.clock.Advance(seconds(1));
  EXPECT_EQ(visitors.let_in.size(), 25);
}

TEST(HostGate, ATurnThatDoesNotComeInTimeIsRefused) {
  Visitors visitors({.demand_connections = 1});
  visitors.Enter(1);
  visitors.Enter(2, {.deadline = visitors.clock.Now() + seconds(2)});
  visitors.Enter(
      3, {.not_before = visitors.clock.Now() + seconds(5), .deadline = visitors.clock.Now() + seconds(3)});
  visitors.clock.Advance(milliseconds(1999));
  EXPECT_TRUE(visitors.refused.empty());
  visitors.clock.Advance(milliseconds(1));
  ASSERT_EQ(visitors.refused.size(), 1);
  EXPECT_EQ(visitors.refused[0].first, 2);
  EXPECT_TRUE(absl::IsDeadlineExceeded(visitors.refused[0].second));
  visitors.clock.Advance(seconds(1));
  EXPECT_EQ(visitors.refused.size(), 2);
}

TEST(HostGate, NobodyStartsBeforeTheyWish) {
  Visitors visitors;
  visitors.Enter(1, {.not_before = visitors.clock.Now() + seconds(1)});
  visitors.Enter(2);
  EXPECT_THAT(visitors.let_in, ElementsAre(2));
  visitors.clock.Advance(seconds(1));
  EXPECT_THAT(visitors.let_in, ElementsAre(2, 1));
}

TEST(HostGate, AHostThatKeepsFailingIsProbedByOne) {
  Visitors visitors;
  visitors.OpenBreaker();
  for (int i = 0; i < 3; ++i) visitors.Enter(i);
  EXPECT_TRUE(visitors.let_in.empty());
  visitors.clock.Advance(seconds(1));
  EXPECT_THAT(visitors.let_in, ElementsAre(0));
  visitors.clock.Advance(seconds(30));  // the probe takes its time
  EXPECT_THAT(visitors.let_in, ElementsAre(0));
  visitors.TakeOldest().Succeeded();
  EXPECT_THAT(visitors.let_in, ElementsAre(0, 1, 2));
}

TEST(HostGate, AProbeThatFailsIsFollowedByAnotherLater) {
  Visitors visitors;
  visitors.OpenBreaker();
  for (int i = 0; i < 3; ++i) visitors.Enter(i);
  visitors.clock.Advance(seconds(1));
  visitors.Fail();
  EXPECT_THAT(visitors.let_in, ElementsAre(0));
  visitors.clock.Advance(seconds(2));
  EXPECT_THAT(visitors.let_in, ElementsAre(0, 1));
}

TEST(HostGate, AProbeThatWasCancelledIsFollowedByAnotherAtOnce) {
  Visitors visitors;
  visitors.OpenBreaker();
  for (int i = 0; i < 2; ++i) visitors.Enter(i);
  visitors.clock.Advance(seconds(1));
  visitors.Leave();
  EXPECT_THAT(visitors.let_in, ElementsAre(0, 1));
}

TEST(HostGate, WhoHasAnAlternativeIsToldWhenTheHostIsLeftAlone) {
  Visitors visitors({.demand_connections = 4});
  for (int i = 0; i < 4; ++i) visitors.Enter(i);
  visitors.Enter(10, {.has_alternative = true});
  visitors.Enter(11);
  for (int i = 0; i < 4; ++i) visitors.Fail();
  // 10 and 11 came in as connections became free, or were told.
  visitors.Enter(12, {.has_alternative = true});
  ASSERT_FALSE(visitors.refused.empty());
  EXPECT_EQ(visitors.refused.back().first, 12);
  EXPECT_TRUE(absl::IsUnavailable(visitors.refused.back().second));
  EXPECT_THAT(std::string(visitors.refused.back().second.message()), HasSubstr("host"));
  EXPECT_GT(visitors.gate->UsableFrom(), visitors.clock.Now());
}

TEST(HostGate, WhoHasAnAlternativeDoesNotSitOutARetryAfter) {
  Visitors visitors({.demand_connections = 1});
  visitors.Enter(1);
  visitors.Enter(2, {.has_alternative = true});
  visitors.Enter(3);
  visitors.Fail(Failure::kThrottled, seconds(20));
  ASSERT_EQ(visitors.refused.size(), 1);
  EXPECT_EQ(visitors.refused[0].first, 2);
  EXPECT_THAT(visitors.let_in, ElementsAre(1));
}

TEST(HostGate, ClosingTellsThoseWhoWaitAndThoseWhoCome) {
  Visitors visitors({.demand_connections = 1});
  visitors.Enter(1);
  visitors.Enter(2);
  visitors.Enter(3, {.not_before = visitors.clock.Now() + seconds(9)});
  visitors.gate->Close(absl::CancelledError("end"));
  visitors.Enter(4);
  ASSERT_EQ(visitors.refused.size(), 3);
  for (const auto& [number, status] : visitors.refused) EXPECT_EQ(status, absl::CancelledError("end"));
}

TEST(HostGate, APromotedSleeperHasADeadline) {
  Visitors visitors;
  const auto ticket = visitors.Enter(
      1, {.priority = Priority::kFill, .not_before = visitors.clock.Now() + std::chrono::hours(1)});
  visitors.gate->Promote(ticket, visitors.clock.Now() + seconds(2));
  visitors.clock.Advance(seconds(2));
  EXPECT_EQ(visitors.refused.size(), 1);
}

// What HostGate promises about order, written down as plainly as possible: three queues and two limits.
class Model {
 public:
  explicit Model(HostGate::Limits limits) : limits_(limits) {}

  void Enter(int number, Priority priority) {
    queues_[static_cast<int>(priority)].push_back(number);
    Run();
  }
  void Promote(int number) {
    for (int queue = 1; queue < kPriorities; ++queue) {
      const auto found = std::find(queues_[queue].begin(), queues_[queue].end(), number);
      if (found == queues_[queue].end()) continue;
      queues_[queue].erase(found);
      queues_[0].push_back(number);
      break;
    }
    Run();
  }
  void Leave() {
    running_.pop_front();
    Run();
  }

  size_t running() const { return running_.size(); }
  const std::vector<int>& let_in() const { return let_in_; }

 private:
  void Run() {
    while (true) {
      const int demand = static_cast<int>(std::count(running_.begin(), running_.end(), true));
      const int background = static_cast<int>(running_.size()) - demand;
      const int queue = !queues_[0].empty() ? 0 : !queues_[1].empty() ? 1 : 2;
      const bool room =
          queue == 0 ? demand < limits_.demand_connections : background < limits_.prefetch_connections;
      if (queues_[queue].empty() || !room) return;
      let_in_.push_back(queues_[queue].front());
      queues_[queue].pop_front();
      running_.push_back(queue == 0);
    }
  }

  const HostGate::Limits limits_;
  std::deque<int> queues_[kPriorities];
  std::deque<bool> running_;  // oldest first; whether it is a demand request
  std::vector<int> let_in_;
};

TEST(HostGate, RandomSequencesGoInTheModelsOrder) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 100; ++round) {
    const HostGate::Limits limits{.demand_connections = 1 + static_cast<int>(random() % 4),
                                  .prefetch_connections = 1 + static_cast<int>(random() % 3)};
    Model model(limits);
    Visitors visitors(limits);
    std::vector<HostGate::Ticket> tickets;
    for (int step = 0; step < 200; ++step) {
      const unsigned what = random() % 10;
      if (what < 5) {
        const int number = static_cast<int>(tickets.size());
        const auto priority = static_cast<Priority>(random() % kPriorities);
        model.Enter(number, priority);
        tickets.push_back(visitors.Enter(number, {.priority = priority}));
      } else if (what < 7 && !tickets.empty()) {
        const size_t number = random() % tickets.size();
        model.Promote(static_cast<int>(number));
        visitors.gate->Promote(tickets[number], TimePoint::max());
      } else if (model.running() > 0) {
        model.Leave();
        visitors.Leave();
      }
      ASSERT_EQ(visitors.inside.size(), model.running());
      ASSERT_EQ(visitors.let_in, model.let_in());
    }
  }
}

}  // namespace
}  // namespace lacuna
