#include "daemon/base/event_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

using testing::ElementsAre;

std::vector<std::string> Kept(EventLog& log) {
  std::vector<std::string> subjects;
  log.Visit(
      /*follow=*/false,
      [&](const Event& event) {
        subjects.push_back(event.subject);
        return true;
      },
      [] { return false; });
  return subjects;
}

TEST(EventLog, KeepsTheNewestInOrder) {
  EventLog log;
  for (size_t i = 0; i < EventLog::kKept + 5; ++i) log.Add("kind", absl::StrCat(i), "text");
  const std::vector<std::string> kept = Kept(log);
  ASSERT_EQ(kept.size(), EventLog::kKept);
  EXPECT_EQ(kept.front(), "5");
  EXPECT_EQ(kept.back(), absl::StrCat(EventLog::kKept + 4));
}

TEST(EventLog, AVisitEndsWhenItsVisitorSaysSo) {
  EventLog log;
  log.Add("kind", "a", "");
  log.Add("kind", "b", "");
  int visited = 0;
  log.Visit(
      true, [&](const Event&) { return ++visited < 2; }, [] { return false; });
  EXPECT_EQ(visited, 2);
}

TEST(EventLog, WhoFollowsSeesWhatComes) {
  EventLog log;
  log.Add("kind", "before", "");
  std::atomic<bool> cancelled = false;
  std::atomic<int> visited = 0;
  std::vector<std::string> seen;
  std::thread follower([&] {
    log.Visit(
        true,
        [&](const Event& event) {
          seen.push_back(event.subject);
          ++visited;
          return true;
        },
        [&] { return cancelled.load(); });
  });
  while (visited < 1) std::this_thread::yield();
  log.Add("kind", "after", "");
  while (visited < 2) std::this_thread::yield();
  cancelled = true;
  follower.join();
  EXPECT_THAT(seen, ElementsAre("before", "after"));
}

TEST(EventLog, WhoIsTooSlowMissesTheOldest) {
  EventLog log;
  log.Add("kind", "first", "");
  std::vector<std::string> seen;
  log.Visit(
      false,
      [&](const Event& event) {
        if (seen.empty()) {
          for (size_t i = 0; i < EventLog::kKept + 1; ++i) log.Add("kind", absl::StrCat(i), "");
        }
        seen.push_back(event.subject);
        return true;
      },
      [] { return false; });
  ASSERT_EQ(seen.size(), EventLog::kKept + 1);
  EXPECT_EQ(seen[1], "1") << "number 0 was gone";
}

}  // namespace
}  // namespace lacuna
