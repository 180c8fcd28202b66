// The cachefiles door over a kernel that a test plays: opens, reads and closes as the real one sends them.
#include "cachefiles/cachefiles_door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "tests/cachefiles/cachefiles_test_support.h"

namespace lacuna {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(CachefilesDoorTest, BindsTheFolderInOnDemandMode) {
  StartDoor();
  const std::vector<std::string> commands = kernel_->commands();
  EXPECT_EQ(commands.front(), "dir " + folder_.path());
  EXPECT_NE(std::find(commands.begin(), commands.end(), "bind ondemand"), commands.end());
  EXPECT_TRUE(door_->keeps_objects());
  EXPECT_EQ(door_->name(), "cachefiles");
}

TEST_F(CachefilesDoorTest, AnErrorOfBindSaysWhatToDo) {
  const std::pair<int, const char*> errors[] = {{EINVAL, "no on-demand mode"},
                                                {EOPNOTSUPP, "put it on ext4 or xfs"},
                                                {EBUSY, "earlier cache is still in use"},
                                                {EROFS, "read-only"},
                                                {EIO, "kernel's log"}};
  for (const auto& [error, advice] : errors) {
    kernel_->FailCommands("bind", error);
    EXPECT_THAT(std::string(door_->Start(engine_).message()), HasSubstr(advice)) << error;
  }
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Publish({bootstrap_, {}}).status()));
}

TEST_F(CachefilesDoorTest, WhatTheKernelAsksWaitsForServe) {
  engine_.Knows(device_object_);
  ASSERT_TRUE(door_->Start(engine_).ok());
  const auto spec = door_->Publish({bootstrap_, {device_object_}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  const uint32_t open = kernel_->SendOpen(1, device_name());
  EXPECT_FALSE(door_->IsOpen(device_object_.key));
  ASSERT_TRUE(door_->Serve().ok());
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(kernel_->CopenOf(open), static_cast<int64_t>(kSize));
}

TEST_F(CachefilesDoorTest, TheMountNamesTheObjectsByTheirKeys) {
  StartDoor();
  EXPECT_EQ(spec_.source, "none");
  EXPECT_FALSE(spec_.through_loop);
  EXPECT_THAT(spec_.options, ElementsAre("fsid=" + bootstrap_name(), "domain_id=lacuna"));
  EXPECT_THAT(spec_.devices, ElementsAre(device_name()));
}

TEST_F(CachefilesDoorTest, PublishRefusesWhatItCannotServe) {
  StartDoor();
  PublishedObject unfinished = bootstrap_;
  unfinished.finished_path.clear();
  for (const PublishedObject& bad :
       {EnginesObject("empty", 0), EnginesObject("odd", 4097), unfinished, PublishedObject{.size = 4096}}) {
    EXPECT_TRUE(absl::IsInvalidArgument(door_->Publish({bad, {}}).status()));
    EXPECT_TRUE(absl::IsInvalidArgument(door_->Publish({bootstrap_, {bad}}).status()));
  }
}

TEST_F(CachefilesDoorTest, AnOpenIsAnsweredWithTheSizeAndThenTheFileWorks) {
  StartDoor();
  const uint32_t id = OpenDevice();
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_TRUE(engine_.ready(id));
  EXPECT_TRUE(kernel_->IsCloseOnExec(id));
  ASSERT_TRUE(engine_.file(id)->WriteAt(kBlockSize, truth_.substr(0, 5000)).ok());
  EXPECT_EQ(kernel_->Bytes(id, {kBlockSize, 5000}), truth_.substr(0, 5000));
  EXPECT_EQ(*engine_.file(id)->DataIn({0, kSize}), (std::vector<ByteRange>{{kBlockSize, 2 * kBlockSize}}));
}

TEST_F(CachefilesDoorTest, UnknownCookiesAndVolumesAreNotFound) {
  StartDoor();
  EXPECT_EQ(kernel_->Open("nothing").copen, -ENOENT);
  EXPECT_EQ(kernel_->Open(device_name(), "erofs,other").copen, -ENOENT);
  EXPECT_EQ(kernel_->Open(std::string("\0\xff\n", 3)).copen, -ENOENT);
  ASSERT_TRUE(kernel_->Drained());
  for (const uint32_t id : {1, 2, 3}) EXPECT_FALSE(kernel_->IsHeld(id)) << id;
  EXPECT_EQ(door_->counters().failed_opens, 3u);
}

TEST_F(CachefilesDoorTest, APublicationEndsWithItsLastUser) {
  StartDoor();
  auto second = door_->Publish({EnginesObject("another", kBlockSize), {device_object_}});
  ASSERT_TRUE(second.ok());
  spec_ = {};
  EXPECT_EQ(kernel_->Open(bootstrap_name()).copen, -ENOENT);
  OpenDevice();
  second = absl::CancelledError();
  EXPECT_EQ(kernel_->Open(device_name()).copen, -ENOENT);
}

TEST_F(CachefilesDoorTest, TheEnginesErrorFailsTheOpen) {
  StartDoor();
  engine_.AnswerOpensWith(absl::ResourceExhaustedError("planted"));
  const auto opened = kernel_->Open(device_name());
  EXPECT_EQ(opened.copen, -ENOSPC);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_FALSE(engine_.ready(opened.object_id));
  EXPECT_FALSE(kernel_->IsHeld(opened.object_id));
  EXPECT_EQ(engine_.closes(), 0) << "the engine knows of no object";
}

TEST_F(CachefilesDoorTest, AnotherSizeThanPublishedFailsTheOpen) {
  StartDoor();
  engine_.Knows(EnginesObject("device", kSize + kBlockSize));
  EXPECT_EQ(kernel_->Open(device_name()).copen, -EIO);
  EXPECT_EQ(engine_.closes(), 1);
}

TEST_F(CachefilesDoorTest, ACopenThatFailsClosesTheObject) {
  StartDoor();
  kernel_->FailCommands("copen", EINVAL);
  kernel_->SendOpen(1, device_name());
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(engine_.closes(), 1);
  EXPECT_FALSE(engine_.ready(1));
  EXPECT_FALSE(kernel_->IsHeld(1));
  EXPECT_TRUE(door_->Publish({bootstrap_, {}}).ok()) << "the door lives on";
}

TEST_F(CachefilesDoorTest, AReadIsTheEnginesToAnswer) {
  StartDoor();
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, kBlockSize, 2 * kBlockSize);
  std::vector<PendingRead> parked = engine_.TakeParked(1);
  ASSERT_EQ(parked.size(), 1u);
  EXPECT_EQ(parked[0].object_id(), ObjectId(id));
  EXPECT_EQ(parked[0].range(), (ByteRange{kBlockSize, 2 * kBlockSize}));
  EXPECT_FALSE(kernel_->CompletedByNow(read));
  std::move(parked[0]).Complete(absl::OkStatus());
  EXPECT_TRUE(kernel_->Completed(read));
  EXPECT_EQ(door_->counters().errors_answered, 0u);
}

TEST_F(CachefilesDoorTest, AFailedReadIsCompletedToo) {
  StartDoor();
  engine_.AnswerReadsWith(absl::UnavailableError("planted"));
  const uint32_t id = OpenDevice();
  EXPECT_TRUE(kernel_->Completed(kernel_->SendRead(id, 0, kBlockSize)));
  EXPECT_TRUE(kernel_->HasHole(id, {0, kBlockSize})) << "which makes EIO of it";
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(door_->counters().errors_answered, 1u);
}

TEST_F(CachefilesDoorTest, ReadsAreCompletedThroughTheirOwnObjectsDescriptor) {
  StartDoor();
  const uint32_t first = OpenDevice();
  const uint32_t second = Open(PublishAnother("another"));
  const uint32_t read_first = kernel_->SendRead(first, 0, kBlockSize);
  const uint32_t read_second = kernel_->SendRead(second, 0, kBlockSize);
  std::vector<PendingRead> parked = engine_.TakeParked(2);
  while (parked.size() < 2) parked.push_back(std::move(engine_.TakeParked(1)[0]));
  for (auto read = parked.rbegin(); read != parked.rend(); ++read)
    std::move(*read).Complete(absl::OkStatus());
  EXPECT_TRUE(kernel_->Completed(read_first));
  EXPECT_TRUE(kernel_->Completed(read_second));
  EXPECT_EQ(kernel_->violations(), 0);
}

TEST_F(CachefilesDoorTest, ALocalObjectFillsItself) {
  StartDoor();
  const auto opened = kernel_->Open(bootstrap_name());
  ASSERT_EQ(opened.copen, static_cast<int64_t>(kSize));
  while (kernel_->HasHole(opened.object_id, {0, kSize})) std::this_thread::yield();
  EXPECT_EQ(kernel_->Bytes(opened.object_id, {0, kSize}), truth_);
  kernel_->SendClose(opened.object_id);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_FALSE(kernel_->IsHeld(opened.object_id));
  EXPECT_TRUE(engine_.closed().empty()) << "the engine never hears of it";
}

TEST_F(CachefilesDoorTest, AReadOfALocalObjectIsCopiedAtOnce) {
  StartDoor();
  const uint32_t id = kernel_->Open(bootstrap_name()).object_id;
  const ByteRange last = {kSize - kBlockSize, kBlockSize};
  ASSERT_TRUE(kernel_->Completed(kernel_->SendRead(id, last.offset, 131072)));
  EXPECT_EQ(kernel_->Bytes(id, last), truth_.substr(last.offset));
  EXPECT_TRUE(kernel_->Completed(kernel_->SendRead(id, kSize, kBlockSize))) << "beyond the end";
  EXPECT_TRUE(kernel_->Completed(kernel_->SendRead(id, 0, uint64_t{1} << 62))) << "longer than the object";
  EXPECT_EQ(door_->counters().errors_answered, 1u);
}

TEST_F(CachefilesDoorTest, ABrokenLocalFileFailsItsReads) {
  std::static_pointer_cast<BytesInMemory>(bootstrap_.file)->broken = true;
  StartDoor();
  const uint32_t id = kernel_->Open(bootstrap_name()).object_id;
  EXPECT_TRUE(kernel_->Completed(kernel_->SendRead(id, 0, kBlockSize)));
  EXPECT_TRUE(kernel_->HasHole(id, {0, kBlockSize}));
}

TEST_F(CachefilesDoorTest, CloseClosesTheFile) {
  StartDoor();
  const uint32_t id = OpenDevice();
  EXPECT_TRUE(door_->IsOpen(device_object_.key));
  EXPECT_FALSE(door_->IsOpen(bootstrap_.key)) << "published only";
  kernel_->SendClose(id);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_FALSE(door_->IsOpen(device_object_.key));
  EXPECT_THAT(engine_.closed(), ElementsAre(ObjectId(id)));
  EXPECT_FALSE(kernel_->IsHeld(id));
  EXPECT_TRUE(absl::IsUnavailable(engine_.file(id)->WriteAt(0, "x")));
  EXPECT_TRUE(absl::IsUnavailable(engine_.file(id)->DataIn({0, kSize}).status()));
}

TEST_F(CachefilesDoorTest, ACookieMayBeOpenedAgainBeforeOrAfterItsClose) {
  StartDoor();
  const uint32_t first = OpenDevice();
  const uint32_t second = OpenDevice();
  kernel_->SendClose(first);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_TRUE(engine_.file(second)->WriteAt(0, truth_.substr(0, kBlockSize)).ok());
  kernel_->SendClose(second);
  const uint32_t third = OpenDevice();
  EXPECT_TRUE(engine_.file(third)->WriteAt(0, truth_.substr(0, kBlockSize)).ok());
  EXPECT_THAT(engine_.closed(), ElementsAre(ObjectId(first), ObjectId(second)));
}

TEST_F(CachefilesDoorTest, StopAnswersAllAndClosesTheDeviceLast) {
  StartDoor();
  const uint32_t id = OpenDevice();
  const uint32_t read = kernel_->SendRead(id, 0, kBlockSize);
  std::vector<PendingRead> parked = engine_.TakeParked(1);
  door_->Stop();
  EXPECT_TRUE(kernel_->CompletedByNow(read));
  EXPECT_TRUE(kernel_->closed());
  EXPECT_EQ(kernel_->violations(), 0);
  EXPECT_THAT(engine_.closed(), ElementsAre(ObjectId(id)));
  std::move(parked[0]).Complete(absl::OkStatus());
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Publish({bootstrap_, {}}).status()));
  door_->Stop();
  EXPECT_EQ(engine_.closes(), 1) << "a second Stop does nothing";
}

// CLOSE leaves a write at the disk alone; the descriptor has to be gone before the device all the same.
TEST_F(CachefilesDoorTest, StopWaitsForWritesToObjectsThatWereClosedBefore) {
  StartDoor();
  for (int i = 0; i < 20; ++i) {
    const uint32_t id = kernel_->Open(bootstrap_name()).object_id;
    kernel_->SendRead(id, 0, kSize);
    kernel_->SendClose(id);
  }
  ASSERT_TRUE(kernel_->Drained());
  door_->Stop();
  EXPECT_EQ(kernel_->violations(), 0);
}

TEST_F(CachefilesDoorTest, StopOfADoorThatNeverStarted) {
  door_->Stop();
  EXPECT_TRUE(absl::IsFailedPrecondition(door_->Cull(bootstrap_.key)));
}

TEST_F(CachefilesDoorTest, AnOpenAtTheTimeOfStopIsAnsweredOrLeftToTheKernel) {
  StartDoor();
  std::thread opener([&] {
    for (uint32_t id = 100; id < 400; ++id)
      kernel_->SendOpen(id, id % 2 == 0 ? device_name() : bootstrap_name());
  });
  door_->Stop();
  opener.join();
  EXPECT_TRUE(kernel_->closed());
  EXPECT_EQ(kernel_->violations(), 0);
}

}  // namespace
}  // namespace lacuna
