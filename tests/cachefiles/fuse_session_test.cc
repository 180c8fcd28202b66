// The session against a fake kernel: well-behaved, malicious, slow and dying.
#include "cachefiles/fuse_session.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <random>
#include <thread>

#include "absl/strings/str_cat.h"
#include "cachefiles/private_keeper.h"
#include "tests/cachefiles/fuse_test_support.h"
#include "tests/fakes/fake_fuse_kernel.h"

namespace lacuna {
namespace {

constexpr uint64_t kSize = 40 * kChunkSize + kBlockSize;

std::string Noise(size_t size) {
  std::mt19937 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class FuseSessionTest : public testing::Test {
 protected:
  FuseSessionTest() {
    object_.size = kSize;
    object_.key = ObjectKey::ForBlob(Digest::Of("object"));
    object_.file = file_;
    engine_.Knows(object_);
    published_ = objects_->Publish(object_);
    session_ = std::make_unique<FuseSession>(kernel_.TakeDaemonsEnd(), keeper_, objects_, engine_, *pool_);
    EXPECT_TRUE(session_->Start().ok());
  }

  // The answer to the request just sent; others may not come before it.
  FakeFuseKernel::Answer AnswerTo(uint64_t unique) {
    const auto answer = kernel_.Receive();
    EXPECT_TRUE(answer.has_value()) << "no answer to " << unique;
    EXPECT_EQ(answer.value_or(FakeFuseKernel::Answer{}).unique, unique);
    return answer.value_or(FakeFuseKernel::Answer{});
  }
  FakeFuseKernel::Answer Lookup(const std::string& name, uint64_t parent = FUSE_ROOT_ID) {
    return AnswerTo(kernel_.SendBytes(FUSE_LOOKUP, parent, name + '\0'));
  }
  FakeFuseKernel::Answer Open(uint64_t node, uint32_t flags = O_RDONLY) {
    return AnswerTo(kernel_.Send(FUSE_OPEN, node, fuse_open_in{.flags = flags}));
  }
  uint64_t OpenObject() {
    node_ = Lookup(object_.key.FileName()).As<fuse_entry_out>().nodeid;
    const FakeFuseKernel::Answer answer = Open(node_);
    EXPECT_EQ(answer.error, 0);
    handle_ = answer.As<fuse_open_out>().fh;
    return node_;
  }
  FakeFuseKernel::Answer Release(uint64_t handle) {
    return AnswerTo(kernel_.Send(FUSE_RELEASE, node_, fuse_release_in{.fh = handle}));
  }
  uint64_t SendRead(uint64_t offset, uint32_t size) {
    return kernel_.Send(FUSE_READ, node_, fuse_read_in{.fh = handle_, .offset = offset, .size = size});
  }
  // Whether it still lives, and whether nothing else was answered before.
  bool AnswersAFence() {
    return AnswerTo(kernel_.Send(FUSE_GETATTR, FUSE_ROOT_ID, fuse_getattr_in{})).error == 0 &&
           !testing::Test::HasFailure();
  }

  FakeFuseKernel kernel_;
  ScriptedEngine engine_;
  const std::shared_ptr<BytesInMemory> file_ = std::make_shared<BytesInMemory>(Noise(kSize));
  PublishedObject object_;
  ObjectId published_;
  uint64_t node_ = 0;
  uint64_t handle_ = 0;
  PrivateKeeper keeper_;
  std::shared_ptr<FuseObjects> objects_ = std::make_shared<FuseObjects>(keeper_.fuse_log());
  std::unique_ptr<WorkerPool> pool_ = std::make_unique<WorkerPool>(2);
  std::unique_ptr<FuseSession> session_;
};

TEST_F(FuseSessionTest, InitIsAnswered) {
  const auto init = fuse_init_in{.major = 7, .minor = 31, .flags = FUSE_ASYNC_READ};
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_INIT, 0, init)).As<fuse_init_out>().max_background, 65535);
}

TEST_F(FuseSessionTest, AnOldKernelIsRefused) {
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_INIT, 0, fuse_init_in{.major = 7, .minor = 30})).error, EPROTO);
}

TEST_F(FuseSessionTest, LookupGivesTheObjectsSizeAndNoWriteBits) {
  const auto entry = Lookup(object_.key.FileName()).As<fuse_entry_out>();
  EXPECT_EQ(entry.attr.size, kSize);
  EXPECT_EQ(entry.attr.mode, 0100400u);
  EXPECT_EQ(entry.attr.nlink, 1u);
  EXPECT_EQ(entry.entry_valid, 0u) << "a name may come to mean another file";
}

TEST_F(FuseSessionTest, UnknownNamesAreNotFound) {
  EXPECT_EQ(Lookup("nothing").error, ENOENT);
  EXPECT_EQ(Lookup(object_.key.FileName(), /*parent=*/2).error, ENOENT);
}

TEST_F(FuseSessionTest, TheEngineHearsOfTheFirstOpenAndTheLastClose) {
  OpenObject();
  const uint64_t second = Open(node_).As<fuse_open_out>().fh;
  EXPECT_NE(second, handle_);
  EXPECT_EQ(engine_.opens(object_.key), 1);
  Release(handle_);
  EXPECT_EQ(engine_.closes(), 0);
  Release(second);
  EXPECT_EQ(engine_.closes(), 1);
}

TEST_F(FuseSessionTest, AFailedOpenFailsTheMount) {
  engine_.AnswerOpensWith(absl::UnavailableError("planted"));
  const uint64_t node = Lookup(object_.key.FileName()).As<fuse_entry_out>().nodeid;
  EXPECT_EQ(Open(node).error, EIO);
  engine_.AnswerOpensWith(absl::OkStatus());
  EXPECT_EQ(Open(node).error, 0);
  EXPECT_EQ(engine_.opens(object_.key), 2);
}

TEST_F(FuseSessionTest, AnObjectOfAnotherSizeIsNotOpened) {
  engine_.Knows({.key = object_.key, .size = kSize - kBlockSize});
  EXPECT_EQ(Open(Lookup(object_.key.FileName()).As<fuse_entry_out>().nodeid).error, EIO);
  EXPECT_EQ(engine_.closes(), 1);
}

TEST_F(FuseSessionTest, NothingCanBeWritten) {
  const uint64_t node = OpenObject();
  EXPECT_EQ(Open(node, O_RDWR).error, EROFS);
  EXPECT_EQ(Open(node, O_WRONLY).error, EROFS);
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_SETATTR, node, fuse_setattr_in{})).error, EROFS);
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_FLUSH, node, fuse_flush_in{})).error, ENOSYS);
}

TEST_F(FuseSessionTest, AReadIsAnsweredWithExactlyItsBytes) {
  OpenObject();
  engine_.AnswerReadsWith(absl::OkStatus());
  EXPECT_EQ(AnswerTo(SendRead(12288, 16384)).payload, file_->bytes().substr(12288, 16384));
  EXPECT_EQ(AnswerTo(SendRead(kChunkSize, kFuseMaxRead)).payload,
            file_->bytes().substr(kChunkSize, kFuseMaxRead));
}

TEST_F(FuseSessionTest, ReadsAreClippedToTheObject) {
  OpenObject();
  engine_.AnswerReadsWith(absl::OkStatus());
  EXPECT_EQ(AnswerTo(SendRead(kSize - kBlockSize, 131072)).payload,
            file_->bytes().substr(kSize - kBlockSize));
  EXPECT_EQ(AnswerTo(SendRead(kSize, 4096)).payload, "");
  EXPECT_EQ(AnswerTo(SendRead(kSize * 3, 4096)).payload, "");
  EXPECT_EQ(AnswerTo(SendRead(0, 0)).payload, "");
}

TEST_F(FuseSessionTest, AFailedReadIsEioAndALaterOneWorks) {
  OpenObject();
  engine_.AnswerReadsWith(absl::UnavailableError("registry gone"));
  EXPECT_EQ(AnswerTo(SendRead(0, 4096)).error, EIO);
  engine_.AnswerReadsWith(absl::OkStatus());
  file_->broken = true;
  EXPECT_EQ(AnswerTo(SendRead(0, 4096)).error, EIO);
  file_->broken = false;
  EXPECT_EQ(AnswerTo(SendRead(0, 4096)).payload, file_->bytes().substr(0, 4096));
  EXPECT_EQ(session_->counters().errors_answered, 2u);
}

TEST_F(FuseSessionTest, ADroppedReadIsEio) {
  OpenObject();
  const uint64_t unique = SendRead(0, 4096);
  engine_.TakeParked(1).clear();
  EXPECT_EQ(AnswerTo(unique).error, EIO);
}

TEST_F(FuseSessionTest, ReadsCompleteInAnyOrderFromAnyThread) {
  OpenObject();
  std::map<uint64_t, uint64_t> offset_of;
  for (uint64_t i = 0; i < 200; ++i) offset_of[SendRead(i * 8192, 4096)] = i * 8192;
  std::vector<PendingRead> reads = engine_.TakeParked(200);
  ASSERT_EQ(reads.size(), 200u);
  std::shuffle(reads.begin(), reads.end(), std::mt19937(7));
  std::vector<std::thread> threads;
  for (size_t first = 0; first < 4; ++first) {
    threads.emplace_back([&reads, first] {
      for (size_t i = first; i < reads.size(); i += 4) std::move(reads[i]).Complete(absl::OkStatus());
    });
  }
  for (int i = 0; i < 200; ++i) {
    const auto answer = kernel_.Receive();
    ASSERT_TRUE(answer.has_value());
    ASSERT_EQ(offset_of.count(answer->unique), 1u) << "answered twice, or never asked";
    EXPECT_EQ(answer->payload, file_->bytes().substr(offset_of[answer->unique], 4096));
    offset_of.erase(answer->unique);
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(AnswersAFence());
}

TEST_F(FuseSessionTest, AnInterruptLeavesTheReadToItsAnswer) {
  OpenObject();
  const uint64_t unique = SendRead(0, 4096);
  std::vector<PendingRead> reads = engine_.TakeParked(1);
  kernel_.Send(FUSE_INTERRUPT, 0, fuse_interrupt_in{.unique = unique});
  EXPECT_TRUE(AnswersAFence());
  std::move(reads.at(0)).Complete(absl::OkStatus());
  EXPECT_EQ(AnswerTo(unique).error, 0);
}

TEST_F(FuseSessionTest, UnpublishedButOpenIsReadableAndCannotBeOpenedAgain) {
  OpenObject();
  engine_.AnswerReadsWith(absl::OkStatus());
  objects_->Unpublish(published_);
  EXPECT_EQ(AnswerTo(SendRead(0, 4096)).payload, file_->bytes().substr(0, 4096));
  EXPECT_EQ(Lookup(object_.key.FileName()).error, ENOENT);
  EXPECT_EQ(Open(node_).error, ESTALE);
  EXPECT_EQ(Release(handle_).error, 0);
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_GETATTR, node_, fuse_getattr_in{})).error, ESTALE);
  EXPECT_EQ(AnswerTo(SendRead(0, 4096)).error, EBADF);
}

TEST_F(FuseSessionTest, HandlesThatWereNeverGivenAreRefused) {
  OpenObject();
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_READ, node_, fuse_read_in{.fh = 99, .size = 4096})).error, EBADF);
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_READ, 99, fuse_read_in{.fh = 99, .size = 4096})).error, EBADF);
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_READ, 99, fuse_read_in{.fh = handle_, .size = 4096})).error, EBADF);
  EXPECT_EQ(Release(99).error, EBADF);
  EXPECT_EQ(AnswerTo(kernel_.Send(FUSE_OPEN, 99, fuse_open_in{})).error, ESTALE);
  EXPECT_EQ(session_->counters().protocol_errors, 4u);
}

TEST_F(FuseSessionTest, ForgetsAreNotAnswered) {
  OpenObject();
  kernel_.Send(FUSE_FORGET, node_, fuse_forget_in{.nlookup = 1000});
  kernel_.Send(FUSE_BATCH_FORGET, 0, fuse_batch_forget_in{.count = 1});
  EXPECT_TRUE(AnswersAFence());
}

TEST_F(FuseSessionTest, MalformedMessagesAreRefusedAndCounted) {
  EXPECT_EQ(AnswerTo(kernel_.SendBytes(FUSE_READ, 2, "short")).error, EINVAL);
  kernel_.SendRaw("x");
  kernel_.SendRaw(std::string(60'000, '\xff'));  // its number, all ones, is one that can be answered
  EXPECT_EQ(kernel_.Receive()->unique, ~uint64_t{0});
  EXPECT_TRUE(AnswersAFence());
  EXPECT_EQ(session_->counters().malformed_requests, 3u);
}

TEST_F(FuseSessionTest, ANumberUsedTwiceIsAnsweredOnce) {
  OpenObject();
  const fuse_read_in in = {.fh = handle_, .size = 4096};
  const std::string body(reinterpret_cast<const char*>(&in), sizeof(in));
  kernel_.SendAs(7, FUSE_READ, node_, body);
  kernel_.SendAs(7, FUSE_READ, node_, body);
  EXPECT_TRUE(AnswersAFence());
  std::vector<PendingRead> reads = engine_.TakeParked(1);
  ASSERT_EQ(reads.size(), 1u);
  std::move(reads[0]).Complete(absl::OkStatus());
  EXPECT_EQ(AnswerTo(7).error, 0);
  EXPECT_TRUE(AnswersAFence());
}

TEST_F(FuseSessionTest, GarbageDoesNotEndIt) {
  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  OpenObject();
  engine_.AnswerReadsWith(absl::OkStatus());
  for (int i = 0; i < 5000; ++i) {
    std::string body(random() % 64, '\0');
    for (char& byte : body) byte = static_cast<char>(random() % 4 == 0 ? random() : 0);
    kernel_.SendBytes(random() % 56, random() % 4, body);
  }
  const uint64_t fence = kernel_.Send(FUSE_GETATTR, FUSE_ROOT_ID, fuse_getattr_in{});
  while (const auto answer = kernel_.Receive()) {
    if (answer->unique == fence) return;
  }
  FAIL() << "the session died";
}

TEST_F(FuseSessionTest, AKernelThatDiesEndsTheSessionAndLateAnswersAreHarmless) {
  OpenObject();
  for (int i = 0; i < 10; ++i) SendRead(0, 4096);
  std::vector<PendingRead> reads = engine_.TakeParked(10);
  kernel_.Die();
  while (session_->running()) std::this_thread::yield();
  std::move(reads[0]).Complete(absl::OkStatus());
  std::move(reads[1]).Complete(absl::UnavailableError("late"));
  session_->Stop();
  EXPECT_EQ(engine_.closes(), 1);
}

TEST_F(FuseSessionTest, StopAnswersTenThousandParkedReads) {
  OpenObject();
  std::map<uint64_t, int> waiting;
  for (int i = 0; i < 10'000; ++i) waiting[SendRead(i % 40 * kChunkSize, 4096)] = 1;
  std::vector<PendingRead> reads = engine_.TakeParked(10'000);
  ASSERT_EQ(reads.size(), 10'000u);
  std::thread stop([&] { session_->Stop(); });
  for (int i = 0; i < 10'000; ++i) {
    const auto answer = kernel_.Receive();
    ASSERT_TRUE(answer.has_value());
    EXPECT_EQ(answer->error, EIO);
    EXPECT_EQ(waiting.erase(answer->unique), 1u);
  }
  stop.join();
  EXPECT_FALSE(kernel_.Receive().has_value()) << "the device is closed";
  // Everything they could have used is gone when the last answers come.
  session_.reset();
  pool_.reset();
  std::move(reads[0]).Complete(absl::OkStatus());
  std::move(reads[1]).Complete(absl::UnavailableError("late"));
}

TEST_F(FuseSessionTest, StopRacesWithAnswers) {
  OpenObject();
  std::map<uint64_t, int> waiting;
  for (int i = 0; i < 500; ++i) waiting[SendRead(0, 4096)] = 1;
  std::vector<PendingRead> reads = engine_.TakeParked(500);
  std::thread completer([&] {
    for (PendingRead& read : reads) std::move(read).Complete(absl::OkStatus());
  });
  std::thread stop([&] { session_->Stop(); });
  while (const auto answer = kernel_.Receive()) {
    EXPECT_EQ(waiting.erase(answer->unique), 1u) << "answered twice";
    EXPECT_TRUE(answer->error == EIO || answer->payload == file_->bytes().substr(0, 4096));
  }
  EXPECT_TRUE(waiting.empty());
  stop.join();
  completer.join();
}

TEST_F(FuseSessionTest, StopIsIdempotent) {
  session_->Stop();
  session_->Stop();
  EXPECT_FALSE(session_->running());
}

}  // namespace
}  // namespace lacuna
