// What the cachefiles door leaves to its keeper, and what it does with what a predecessor left there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include "tests/cachefiles/cachefiles_test_support.h"

namespace lacuna {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

constexpr ObjectId kOld{77};

class CachefilesTakeoverTest : public CachefilesDoorTest {
 protected:
  // The kernel has opened the object for a predecessor.
  void LeaveObject(const std::string& name, uint64_t size) {
    UniqueFd fd(memfd_create("object", MFD_CLOEXEC));
    ASSERT_EQ(ftruncate(fd.get(), static_cast<off_t>(size)), 0);
    keeper_.Leave({kOld, size, name, std::move(fd)});
  }
  // Publishes before it serves, as a daemon that takes over does.
  void TakeOver() {
    engine_.Knows(device_object_);
    ASSERT_TRUE(door_->Start(engine_).ok());
    absl::StatusOr<MountSpec> spec = door_->Publish({bootstrap_, {device_object_}});
    ASSERT_TRUE(spec.ok()) << spec.status();
    spec_ = *std::move(spec);
    ASSERT_TRUE(door_->Serve().ok());
    known_to_be_open_ = engine_.opens(device_object_.key);
    ASSERT_TRUE(kernel_->Drained());
  }

  int known_to_be_open_ = 0;  // once the door serves: what no directory shows the daemon lets go of then
};

TEST_F(CachefilesTakeoverTest, AnObjectIsKeptFromItsCopenToItsClose) {
  StartDoor();
  EXPECT_THAT(keeper_.kept(), IsEmpty());
  const uint32_t id = OpenDevice();
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_THAT(keeper_.kept(), ElementsAre(Pair(ObjectId(id), Pair(device_name(), kSize))));
  kernel_->SendClose(id);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_THAT(keeper_.kept(), IsEmpty());
}

TEST_F(CachefilesTakeoverTest, AnOpenThatFailsIsNotKept) {
  StartDoor();
  engine_.AnswerOpensWith(absl::UnavailableError("planted"));
  kernel_->Open(device_name());
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_THAT(keeper_.kept(), IsEmpty());
}

TEST_F(CachefilesTakeoverTest, WhatAPredecessorHadOpenIsServedWithoutAnOpen) {
  LeaveObject(device_name(), kSize);
  TakeOver();
  EXPECT_EQ(known_to_be_open_, 1);
  EXPECT_EQ(engine_.opens(device_object_.key), 1);
  EXPECT_TRUE(door_->IsOpen(device_object_.key));
  EXPECT_THAT(kernel_->commands(), Contains("restore"));
  kernel_->SendClose(static_cast<uint32_t>(kOld));
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_FALSE(door_->IsOpen(device_object_.key));
  EXPECT_EQ(engine_.closes(), 1);
}

TEST_F(CachefilesTakeoverTest, WhatNobodyPublishesAnyMoreFailsItsReads) {
  LeaveObject("another object", kSize);
  TakeOver();
  EXPECT_EQ(engine_.opens(device_object_.key), 0);
  kernel_->SendRead(static_cast<uint32_t>(kOld), 0, kBlockSize);
  ASSERT_TRUE(kernel_->Drained());
  EXPECT_EQ(door_->counters().unknown_objects, 0u) << "it can be answered: its descriptor is here";
}

TEST_F(CachefilesTakeoverTest, AnObjectOfAnotherSizeIsNotTheEngines) {
  LeaveObject(device_name(), kSize + kBlockSize);
  TakeOver();
  EXPECT_FALSE(engine_.ready(static_cast<uint32_t>(kOld)));
}

TEST_F(CachefilesTakeoverTest, AKernelThatGivesNothingASecondTimeHasItsDeviceLeftToNobody) {
  kernel_->FailCommands("restore", EOPNOTSUPP);
  StartDoor();
  EXPECT_FALSE(kernel_->left_to_keeper());
  EXPECT_EQ(kernel_->Open(device_name()).copen, static_cast<int64_t>(kSize));
}

TEST_F(CachefilesTakeoverTest, AKernelThatDoesHasItsDeviceLeftToTheKeeper) {
  StartDoor();
  EXPECT_TRUE(kernel_->left_to_keeper());
}

}  // namespace
}  // namespace lacuna
