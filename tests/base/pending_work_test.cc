// WorkerPool, the clocks and PendingRead: what runs later, and what must run exactly once.
#include <gtest/gtest.h>

#include <atomic>
#include <optional>

#include "cachefiles/pending_read.h"
#include "daemon/base/real_clock.h"
#include "daemon/base/worker_pool.h"
#include "tests/fakes/fake_clock.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;

TEST(WorkerPool, RunsEverythingBeforeItGoes) {
  std::atomic<int> ran = 0;
  {
    WorkerPool pool(3);
    for (int i = 0; i < 1000; ++i) pool.Submit([&ran] { ++ran; });
  }
  EXPECT_EQ(ran, 1000);
}

TEST(RealClock, CallsBackInOrderAndNotEarly) {
  std::vector<int> order;
  std::atomic<int> ran = 0;
  RealClock clock;
  const TimePoint start = clock.Now();
  TimePoint first_ran;
  clock.RunAt(start + milliseconds(40), [&] {
    order.push_back(2);
    ++ran;
  });
  clock.RunAt(start + milliseconds(20), [&] {
    first_ran = clock.Now();
    order.push_back(1);
    ++ran;
  });
  while (ran < 2) std::this_thread::sleep_for(milliseconds(1));
  EXPECT_EQ(order, (std::vector<int>{1, 2}));
  EXPECT_GE(first_ran, start + milliseconds(20));
}

TEST(RealClock, DropsWhatIsNotDue) {
  bool ran = false;
  {
    RealClock clock;
    clock.RunAt(clock.Now() + std::chrono::hours(1), [&] { ran = true; });
  }
  EXPECT_FALSE(ran);
}

TEST(RealClock, CallsNothingOnceStopped) {
  std::atomic<int> ran = 0;
  RealClock clock;
  clock.RunAt(clock.Now() + milliseconds(20), [&] { ++ran; });
  clock.Stop();
  clock.RunAt(clock.Now(), [&] { ++ran; });
  std::this_thread::sleep_for(milliseconds(40));
  EXPECT_EQ(ran, 0);
}

TEST(FakeClock, StopsAtEachCallbackOnTheWay) {
  FakeClock clock;
  const TimePoint start = clock.Now();
  std::vector<Duration> at;
  clock.RunAt(start + milliseconds(10), [&] {
    at.push_back(clock.Now() - start);
    clock.RunAt(start + milliseconds(20), [&] { at.push_back(clock.Now() - start); });
  });
  clock.Advance(milliseconds(30));
  EXPECT_EQ(at, (std::vector<Duration>{milliseconds(10), milliseconds(20)}));
}

struct Counted {
  int answers = 0;
  absl::Status last;
  PendingRead Make() {
    return PendingRead(ObjectId(1), {0, 4096}, [this](const absl::Status& status) {
      ++answers;
      last = status;
    });
  }
};

TEST(PendingRead, DroppedUnansweredAnswersWithAnError) {
  Counted counted;
  { PendingRead read = counted.Make(); }
  EXPECT_EQ(counted.answers, 1);
  EXPECT_EQ(counted.last.code(), absl::StatusCode::kAborted);
}

TEST(PendingRead, AnswersOnceHoweverOftenMoved) {
  Counted counted;
  {
    PendingRead read = counted.Make();
    std::optional<PendingRead> moved = std::move(read);
    PendingRead again = std::move(*moved);
    std::move(again).Complete(absl::OkStatus());
  }
  EXPECT_EQ(counted.answers, 1);
  EXPECT_TRUE(counted.last.ok());
}

TEST(PendingRead, AssignedOverAnswersTheOldOne) {
  Counted first;
  Counted second;
  PendingRead read = first.Make();
  read = second.Make();
  EXPECT_EQ(first.answers, 1);
  EXPECT_EQ(second.answers, 0);
}

}  // namespace
}  // namespace lacuna
