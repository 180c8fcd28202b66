// AuthorizationSource: one renewal for everybody, before the old one has expired.
#include "registry/authorization_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <random>

#include "tests/fakes/fake_clock.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;

// A token server that answers when told to.
struct Issuer {
  std::shared_ptr<AuthorizationSource> Source(Clock& clock) {
    return std::make_shared<AuthorizationSource>(clock, [this](AuthorizationSource::Fetched fetched) {
      asked.push_back(std::move(fetched));
      ++questions;
    });
  }
  void Answer(absl::StatusOr<Authorization> answer) {
    AuthorizationSource::Fetched fetched = std::move(asked.front());
    asked.pop_front();
    std::move(fetched)(std::move(answer));
  }

  std::deque<AuthorizationSource::Fetched> asked;
  int questions = 0;
};

class AuthorizationSourceTest : public ::testing::Test {
 protected:
  void Get() {
    source->Get([this](absl::StatusOr<std::string> header) {
      told.push_back(header.ok() ? *header : std::string(header.status().message()));
    });
  }

  FakeClock clock;
  Issuer issuer;
  std::shared_ptr<AuthorizationSource> source = issuer.Source(clock);
  std::vector<std::string> told;
};

TEST_F(AuthorizationSourceTest, AsksOnceForAllWhoWait) {
  for (int i = 0; i < 3; ++i) Get();
  EXPECT_EQ(issuer.questions, 1);
  EXPECT_THAT(told, ElementsAre());
  issuer.Answer(Authorization{"a", seconds(10)});
  EXPECT_THAT(told, ElementsAre("a", "a", "a"));
  Get();
  EXPECT_EQ(issuer.questions, 1);
}

TEST_F(AuthorizationSourceTest, RenewsBeforeItExpiresWhileTheOldOneGoesOnBeingUsed) {
  Get();
  issuer.Answer(Authorization{"a", seconds(10)});
  clock.Advance(milliseconds(7900));
  Get();
  EXPECT_EQ(issuer.questions, 1);
  clock.Advance(milliseconds(1200));
  for (int i = 0; i < 3; ++i) Get();
  EXPECT_EQ(issuer.questions, 2);
  EXPECT_THAT(told, ElementsAre("a", "a", "a", "a", "a"));
  issuer.Answer(Authorization{"b", seconds(10)});
  Get();
  EXPECT_EQ(told.back(), "b");
}

TEST_F(AuthorizationSourceTest, AnExpiredOneIsNotGivenOut) {
  Get();
  issuer.Answer(Authorization{"a", seconds(10)});
  clock.Advance(seconds(10));
  Get();
  EXPECT_THAT(told, ElementsAre("a"));
  issuer.Answer(Authorization{"b", seconds(10)});
  EXPECT_THAT(told, ElementsAre("a", "b"));
}

// Its life began when it was asked for, at the latest.
TEST_F(AuthorizationSourceTest, ASlowAnswerCountsAgainstItsLife) {
  Get();
  clock.Advance(seconds(4));
  issuer.Answer(Authorization{"a", seconds(5)});
  clock.Advance(seconds(1));
  Get();
  EXPECT_THAT(told, ElementsAre("a"));
}

TEST_F(AuthorizationSourceTest, OneWithoutLifetimeStays) {
  Get();
  issuer.Answer(Authorization{"a"});
  clock.Advance(std::chrono::hours(24 * 365));
  Get();
  EXPECT_EQ(issuer.questions, 1);
  EXPECT_THAT(told, ElementsAre("a", "a"));
}

TEST_F(AuthorizationSourceTest, ARefusedOneIsReplacedOnceForAll) {
  Get();
  issuer.Answer(Authorization{"a", seconds(10)});
  source->Invalidate("a");
  Get();
  source->Invalidate("a");  // another request that still had it
  Get();
  EXPECT_EQ(issuer.questions, 2);
  issuer.Answer(Authorization{"b", seconds(10)});
  source->Invalidate("a");  // and one more, too late to matter
  Get();
  EXPECT_THAT(told, ElementsAre("a", "b", "b", "b"));
}

TEST_F(AuthorizationSourceTest, AFailureReachesAllAndNobodyAsksAgainAtOnce) {
  Get();
  Get();
  issuer.Answer(absl::UnavailableError("down"));
  Get();
  EXPECT_THAT(told, ElementsAre("down", "down", "down"));
  EXPECT_EQ(issuer.questions, 1);
  clock.Advance(milliseconds(100));
  Get();
  EXPECT_EQ(issuer.questions, 2);
}

TEST_F(AuthorizationSourceTest, AFailedRenewalDoesNotHurtWhileTheOldOneHolds) {
  Get();
  issuer.Answer(Authorization{"a", seconds(10)});
  clock.Advance(milliseconds(9100));
  Get();
  issuer.Answer(absl::UnavailableError("down"));
  Get();
  EXPECT_THAT(told, ElementsAre("a", "a", "a"));
  EXPECT_EQ(issuer.questions, 2);
}

// Hosts that began together do not ask together.
TEST_F(AuthorizationSourceTest, RenewalsAreSpread) {
  std::vector<int> renewed_at(2);
  for (int seed = 0; seed < 40; ++seed) {
    Issuer one;
    const auto fresh = one.Source(clock);
    const auto use = [&] { fresh->Get([](const absl::StatusOr<std::string>&) {}); };
    use();
    one.Answer(Authorization{"a", seconds(1000)});
    clock.Advance(seconds(850));
    use();
    ++renewed_at[one.questions == 2 ? 0 : 1];
  }
  EXPECT_GT(renewed_at[0], 2);
  EXPECT_GT(renewed_at[1], 2);
}

}  // namespace
}  // namespace lacuna
