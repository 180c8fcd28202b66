// The sign of life: who holds it, and how its end is noticed.
#include "cachefiles/lifeline.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

namespace lacuna {
namespace {

using std::chrono::milliseconds;

class LifelineTest : public testing::Test {
 protected:
  LifelineTest() : memory_(Map()), lifeline_(*memory_) { EXPECT_TRUE(Lifeline::Prepare(*memory_)); }
  ~LifelineTest() override { munmap(memory_, sizeof(*memory_)); }

  static Lifeline::Memory* Map() {
    return static_cast<Lifeline::Memory*>(
        mmap(nullptr, sizeof(Lifeline::Memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  }
  void AwaitHeld() {
    while (!lifeline_.held()) std::this_thread::yield();
  }
  // Watches until it is over.
  Lifeline::Watched WatchToTheEnd() {
    Lifeline::Watched watched;
    do watched = lifeline_.Watch(milliseconds(20));
    while (watched == Lifeline::Watched::kAlive);
    return watched;
  }

  Lifeline::Memory* const memory_;
  Lifeline lifeline_;
};

TEST_F(LifelineTest, AThreadThatHoldsOnIsAlive) {
  std::promise<void> end;
  std::thread door([&] {
    lifeline_.Hold();
    end.get_future().wait();
    lifeline_.LetGo();
  });
  AwaitHeld();
  EXPECT_EQ(lifeline_.Watch(milliseconds(10)), Lifeline::Watched::kAlive);
  EXPECT_FALSE(lifeline_.TryTake());
  end.set_value();
  EXPECT_EQ(WatchToTheEnd(), Lifeline::Watched::kEnded);
  EXPECT_FALSE(lifeline_.held());
  door.join();
}

TEST_F(LifelineTest, AThreadThatDiesIsNoticed) {
  std::thread([&] { lifeline_.Hold(); }).join();
  EXPECT_EQ(WatchToTheEnd(), Lifeline::Watched::kDied);
  EXPECT_FALSE(lifeline_.held());
  lifeline_.Hold();  // a successor's
  EXPECT_TRUE(lifeline_.held());
  lifeline_.LetGo();
}

TEST_F(LifelineTest, AProcessThatIsKilledIsNoticed) {
  const pid_t child = fork();
  if (child == 0) {
    lifeline_.Hold();
    while (true) pause();
  }
  AwaitHeld();
  kill(child, SIGKILL);
  EXPECT_EQ(WatchToTheEnd(), Lifeline::Watched::kDied);
  waitpid(child, nullptr, 0);
}

TEST_F(LifelineTest, WhoTakesItKeepsTheSuccessorWaitingUntilItIsGivenBack) {
  std::thread([&] { lifeline_.Hold(); }).join();  // died with it
  ASSERT_TRUE(lifeline_.TryTake());
  std::thread successor([&] {
    lifeline_.Hold();
    lifeline_.LetGo();
  });
  lifeline_.GiveBack();
  successor.join();
}

}  // namespace
}  // namespace lacuna
