// A session that takes over from one that died: what that left in the log, and what the kernel has open.
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>
#include <set>
#include <thread>
#include <vector>

#include "cachefiles/fuse_session.h"
#include "cachefiles/private_keeper.h"
#include "tests/cachefiles/fuse_test_support.h"
#include "tests/fakes/fake_fuse_kernel.h"

namespace lacuna {
namespace {

constexpr uint64_t kSize = 4 * kChunkSize;
constexpr uint64_t kHandle = 51;

class FuseTakeoverTest : public testing::Test {
 protected:
  FuseTakeoverTest() {
    object_.key = ObjectKey::ForBlob(Digest::Of("object"));
    object_.size = kSize;
    object_.file = file_;
    engine_.Knows(object_);
    engine_.AnswerReadsWith(absl::OkStatus());
  }
  ~FuseTakeoverTest() override {
    if (session_ != nullptr) session_->Stop();
  }

  // The predecessor's: it takes what the kernel has sent, and dies.
  void TakeAndDie(int messages) {
    FuseChannel channel(UniqueFd(dup(device_.get())), keeper_.fuse_log());
    std::vector<char> buffer(FuseLog::kMaxMessage);
    for (int i = 0; i < messages; ++i) {
      while (*channel.Receive(absl::MakeSpan(buffer)) == 0) std::this_thread::yield();
    }
  }
  void Succeed(bool publish = true) {
    objects_ = std::make_shared<FuseObjects>(keeper_.fuse_log());
    if (publish) published_ = objects_->Publish(object_);
    session_ = std::make_unique<FuseSession>(UniqueFd(dup(device_.get())), keeper_, objects_, engine_, pool_);
    ASSERT_TRUE(session_->Start().ok());
  }
  uint64_t SendRead(uint64_t node, uint64_t handle = kHandle) {
    return kernel_.Send(FUSE_READ, node, fuse_read_in{.fh = handle, .size = 4096});
  }
  FakeFuseKernel::Answer NextAnswer() {
    const auto answer = kernel_.Receive();
    EXPECT_TRUE(answer.has_value());
    return answer.value_or(FakeFuseKernel::Answer{});
  }

  FakeFuseKernel kernel_;
  const UniqueFd device_ = kernel_.TakeDaemonsEnd();
  PrivateKeeper keeper_;
  ScriptedEngine engine_;
  WorkerPool pool_{2};
  const std::shared_ptr<BytesInMemory> file_ = std::make_shared<BytesInMemory>(std::string(kSize, 'b'));
  PublishedObject object_;
  ObjectId published_{};
  std::shared_ptr<FuseObjects> objects_;
  std::unique_ptr<FuseSession> session_;
};

TEST_F(FuseTakeoverTest, AReadThatWasTakenIsAnsweredByItsNumber) {
  keeper_.fuse_log().AddOpenFile(kHandle, 7, object_.key.FileName().c_str());
  const uint64_t first = SendRead(7);
  const uint64_t second = SendRead(7);
  TakeAndDie(2);
  Succeed();
  std::set<uint64_t> answered;
  for (int i = 0; i < 2; ++i) {
    const FakeFuseKernel::Answer answer = NextAnswer();
    EXPECT_EQ(answer.payload, file_->bytes().substr(0, 4096));
    answered.insert(answer.unique);
  }
  EXPECT_EQ(answered, (std::set<uint64_t>{first, second}));
}

TEST_F(FuseTakeoverTest, WhatIsOpenIsServedByItsOldNodeAndHandle) {
  keeper_.fuse_log().AddOpenFile(kHandle, 7, object_.key.FileName().c_str());
  Succeed();
  SendRead(7);
  EXPECT_EQ(NextAnswer().payload, file_->bytes().substr(0, 4096));
  EXPECT_EQ(engine_.opens(object_.key), 1);
  EXPECT_EQ(engine_.closes(), 0);
  kernel_.Send(FUSE_RELEASE, 7, fuse_release_in{.fh = kHandle});
  EXPECT_EQ(NextAnswer().error, 0);
  EXPECT_EQ(engine_.closes(), 1);
  EXPECT_EQ(keeper_.fuse_log().open_file(0).handle, 0u);
}

// What no directory shows any more the daemon lets go of once the door serves.
TEST_F(FuseTakeoverTest, WhatIsOpenIsKnownToBeSoOnceItServes) {
  keeper_.fuse_log().AddOpenFile(kHandle, 7, object_.key.FileName().c_str());
  Succeed();
  EXPECT_EQ(engine_.opens(object_.key), 1);
}

TEST_F(FuseTakeoverTest, WhatNobodyPublishesAnyMoreFailsAndCanBeClosed) {
  keeper_.fuse_log().AddOpenFile(kHandle, 7, object_.key.FileName().c_str());
  Succeed(/*publish=*/false);
  SendRead(7);
  EXPECT_NE(NextAnswer().error, 0);
  kernel_.Send(FUSE_RELEASE, 7, fuse_release_in{.fh = kHandle});
  NextAnswer();
  EXPECT_EQ(keeper_.fuse_log().open_file(0).handle, 0u);
}

TEST_F(FuseTakeoverTest, ALongRequestIsAnsweredToo) {
  const uint64_t unique = kernel_.SendBytes(FUSE_LOOKUP, FUSE_ROOT_ID, std::string(250, 'n') + '\0');
  TakeAndDie(1);
  Succeed();
  EXPECT_EQ(NextAnswer().unique, unique);
}

TEST_F(FuseTakeoverTest, AnOpenThatWasTakenOpensOnce) {
  Succeed();
  session_->Stop();
  // The same node, which the kernel has looked up and not opened yet.
  const auto node = static_cast<uint64_t>(published_);
  kernel_.Send(FUSE_OPEN, node, fuse_open_in{});
  TakeAndDie(1);
  Succeed();
  EXPECT_EQ(NextAnswer().error, ESTALE) << "the mount that asked died with its daemon";
  EXPECT_EQ(keeper_.fuse_log().open_file(0).handle, 0u);
}

TEST_F(FuseTakeoverTest, WhatTheGuardAnsweredIsNotAnsweredAgain) {
  const uint64_t unique = kernel_.SendBytes(FUSE_LOOKUP, FUSE_ROOT_ID, std::string("n\0", 2));
  TakeAndDie(1);
  keeper_.fuse_log().GiveUp(0, unique);
  Succeed();
  const uint64_t fence = kernel_.Send(FUSE_GETATTR, FUSE_ROOT_ID, fuse_getattr_in{});
  EXPECT_EQ(NextAnswer().unique, fence);
}

TEST_F(FuseTakeoverTest, TheTimeAReaderHasWaitedCounts) {
  keeper_.fuse_log().AddOpenFile(kHandle, 7, object_.key.FileName().c_str());
  SendRead(7);
  TakeAndDie(1);
  engine_.ParkReads();
  std::this_thread::sleep_for(std::chrono::milliseconds(30));
  Succeed();
  const std::vector<PendingRead> reads = engine_.TakeParked(1);
  ASSERT_EQ(reads.size(), 1u);
  EXPECT_GE(reads[0].waited(), std::chrono::milliseconds(30));
}

TEST_F(FuseTakeoverTest, ThePredecessorsThreadHasToBeGoneBeforeItsSuccessorLooks) {
  std::promise<void> end;
  std::thread predecessor([&] {
    keeper_.lifeline().Hold();
    end.get_future().wait();
    TakeAndDie(1);  // its last
    keeper_.lifeline().LetGo();
  });
  while (!keeper_.lifeline().held()) std::this_thread::yield();
  const uint64_t unique = kernel_.SendBytes(FUSE_LOOKUP, FUSE_ROOT_ID, std::string("n\0", 2));
  std::thread successor([&] { Succeed(); });
  end.set_value();
  predecessor.join();
  successor.join();
  EXPECT_EQ(NextAnswer().unique, unique);
}

}  // namespace
}  // namespace lacuna
