#include "daemon/object_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "tests/daemon/engine_rig.h"
#include "tests/fakes/fake_kernel_file.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

class ObjectTableTest : public testing::Test {
 protected:
  ObjectTableTest() : rig_({MakeBlob(kMiB, 1), MakeBlob(kMiB, 2)}), table_(rig_.context()) {
    EXPECT_TRUE(door_.Start(table_).ok());
    EXPECT_TRUE(door_.Serve().ok());
  }
  ~ObjectTableTest() override { table_.CloseAll(absl::CancelledError("the test's end")); }

  // Acquires a blob and publishes its object at the door.
  std::shared_ptr<BlobCache> Publish(size_t index) {
    std::shared_ptr<BlobCache> object = *table_.Acquire(rig_.key(index), rig_.source(index));
    door_.SetTruth(object->key(), *rig_.truth(index));
    EXPECT_TRUE(door_.Publish({.bootstrap = {object->key(), object->size(), object->file()}}).ok());
    return object;
  }

  EngineRig rig_;
  ObjectTable table_;
  SimulatedDoor door_;
};

TEST_F(ObjectTableTest, ReadsReachTheObjectThatWasOpened) {
  const auto first = Publish(0);
  const auto second = Publish(1);
  const ObjectId a = *door_.Open(first->key());
  const ObjectId b = *door_.Open(second->key());
  EXPECT_EQ(door_.Read(a, {0, kBlockSize})->Wait(), absl::OkStatus());
  EXPECT_EQ(door_.Read(b, {0, 2 * kChunkSize})->Wait(), absl::OkStatus());
  EXPECT_EQ(first->present_bytes(), kChunkSize);
  EXPECT_EQ(second->present_bytes(), 2 * kChunkSize);
}

TEST_F(ObjectTableTest, AnUnknownIdIsAnsweredAtOnceAndCounted) {
  const auto read = door_.Read(ObjectId(77), {0, kBlockSize});
  ASSERT_TRUE(read->answered());
  EXPECT_EQ(read->Wait().code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(rig_.stats.errors, 1u);
}

TEST_F(ObjectTableTest, AClosedIdIsUnknownAgain) {
  const auto object = Publish(0);
  const ObjectId id = *door_.Open(object->key());
  door_.Close(id);
  door_.Close(id);
  EXPECT_EQ(door_.Read(id, {0, kBlockSize})->Wait().code(), absl::StatusCode::kNotFound);
}

TEST_F(ObjectTableTest, AnObjectThatNobodyAcquiredCannotBeOpened) {
  EXPECT_EQ(door_.Open(rig_.key()).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ObjectTableTest, AnOpenObjectStaysWhenItsUserGoes) {
  auto object = Publish(0);
  const ObjectId id = *door_.Open(object->key());
  object.reset();
  EXPECT_EQ(door_.Read(id, {0, kBlockSize})->Wait(), absl::OkStatus());
  EXPECT_EQ(table_.objects().size(), 1u);
}

TEST_F(ObjectTableTest, TheSameBlobIsTheSameObjectHoweverManyAsk) {
  std::vector<std::shared_ptr<BlobCache>> objects(8);
  std::vector<std::thread> threads;
  for (auto& object : objects)
    threads.emplace_back([&] { object = *table_.Acquire(rig_.key(), rig_.source()); });
  for (std::thread& thread : threads) thread.join();
  for (const auto& object : objects) EXPECT_EQ(object, objects[0]);
}

TEST_F(ObjectTableTest, ABlobOfTwoSizesIsRefused) {
  const auto object = *table_.Acquire(rig_.key(), rig_.source());
  RemoteBlob liar = rig_.blob();
  liar.size += 1;
  EXPECT_EQ(table_.Acquire(rig_.key(), std::make_shared<const BlobSource>(liar)).status().code(),
            absl::StatusCode::kInvalidArgument);
  liar = rig_.blob(1);
  liar.size = UINT64_MAX - 10;  // would wrap when rounded up
  EXPECT_EQ(table_.Acquire(rig_.key(), std::make_shared<const BlobSource>(liar)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(ObjectTableTest, AnObjectThatCannotBeOpenedIsTriedAgainNextTime) {
  RemoteBlob huge = rig_.blob();
  huge.size = uint64_t{1} << 50;
  EXPECT_FALSE(table_.Acquire(rig_.key(), std::make_shared<const BlobSource>(huge)).ok());
  EXPECT_TRUE(table_.objects().empty());
  EXPECT_TRUE(table_.Acquire(rig_.key(), rig_.source()).ok());
}

TEST_F(ObjectTableTest, AFailedObjectStartsAfreshOnceNobodyHoldsIt) {
  rig_.SetFault([this](const HttpRequest& request) -> std::optional<FakeAnswer> {
    FakeAnswer answer = FakeHttp::ServeBlob(*rig_.truth())(request);
    answer.body.front() ^= 1;
    return answer;
  });
  auto object = Publish(0);
  absl::Status finished;
  object->WhenFinished([&](const absl::Status& status) { finished = status; });
  object->Prefetch({0, kMiB}, Priority::kFill, [](const absl::Status&) {});
  rig_.Settle();
  ASSERT_EQ(object->state(), BlobCache::State::kFailed);
  rig_.SetFault(nullptr);

  EXPECT_THAT(std::string(table_.Acquire(rig_.key(), rig_.source()).status().message()),
              HasSubstr("unmount"));
  EXPECT_FALSE(door_.Open(object->key()).ok());
  object.reset();
  rig_.clock.Advance(std::chrono::seconds(1));
  rig_.Settle();
  rig_.ledger.StartOver(rig_.url(),
                        std::vector<uint64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15});
  const auto fresh = Publish(0);
  EXPECT_EQ(door_.Read(*door_.Open(fresh->key()), {0, kMiB})->Wait(), absl::OkStatus());
}

TEST_F(ObjectTableTest, CloseAllLeavesNobodyWaiting) {
  const auto object = Publish(0);
  const ObjectId id = *door_.Open(object->key());
  rig_.http.Hold();
  const auto parked = door_.Read(id, {0, kBlockSize});
  table_.CloseAll(absl::UnavailableError("stopping"));
  table_.CloseAll(absl::UnavailableError("stopping"));
  ASSERT_TRUE(parked->answered());
  EXPECT_EQ(parked->Wait().message(), "stopping");
  EXPECT_EQ(door_.Read(id, {0, kBlockSize})->Wait().message(), "stopping");
  EXPECT_EQ(table_.Acquire(rig_.key(1), rig_.source(1)).status().message(), "stopping");
}

// What the kernel keeps: opened with a file, which counts once the kernel has the size.
class KernelPlacement : public ObjectTableTest {
 protected:
  KernelPlacement() : object_(*table_.Acquire(rig_.key(), rig_.source(), Placement::kKernel)) {}

  std::shared_ptr<FakeKernelFile> Open(ObjectId id) {
    auto file = std::make_shared<FakeKernelFile>(cache_);
    EXPECT_EQ(*table_.OnOpen({id, object_->key(), file}), kMiB);
    return file;
  }
  std::shared_ptr<KernelRead> Read(ObjectId id) {
    auto read = std::make_shared<KernelRead>();
    table_.OnRead(SimulatedDoor::MakeRead(id, {0, kBlockSize}, std::make_shared<FakeKernelFile>(cache_),
                                          rig_.truth(), read));
    return read;
  }

  std::shared_ptr<BlobCache> object_;
  std::shared_ptr<FakeKernelCache> cache_ = std::make_shared<FakeKernelCache>(kMiB);
};

TEST_F(KernelPlacement, IsFilledFromTheMomentItIsReadyToItsClose) {
  const auto file = Open(ObjectId(1));
  EXPECT_FALSE(object_->open_in_kernel());
  table_.OnReady(ObjectId(1));
  EXPECT_TRUE(object_->open_in_kernel());
  EXPECT_EQ(Read(ObjectId(1))->Wait(), absl::OkStatus());
  table_.OnClose(ObjectId(1));
  EXPECT_FALSE(object_->open_in_kernel());
  EXPECT_EQ(Read(ObjectId(1))->Wait().code(), absl::StatusCode::kNotFound);
}

TEST_F(KernelPlacement, LeavesNothingInOurFolder) {
  Open(ObjectId(1));
  table_.OnReady(ObjectId(1));
  EXPECT_EQ(Read(ObjectId(1))->Wait(), absl::OkStatus());
  EXPECT_THAT(rig_.store->List(), testing::IsEmpty());
}

TEST_F(KernelPlacement, AnOpenThatTheKernelGaveUpIsForgotten) {
  Open(ObjectId(1));
  table_.OnClose(ObjectId(1));
  table_.OnReady(ObjectId(1));
  EXPECT_FALSE(object_->open_in_kernel());
}

TEST_F(KernelPlacement, WhatOurFolderKeepsIsNotGivenToTheKernelsFile) {
  const auto ours = Publish(1);
  const absl::StatusOr<uint64_t> opened =
      table_.OnOpen({ObjectId(2), ours->key(), std::make_shared<FakeKernelFile>(cache_)});
  EXPECT_EQ(opened.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(table_.OnOpen({ObjectId(3), object_->key(), nullptr}).ok());
}

TEST_F(KernelPlacement, AFinishedObjectOfOurFolderIsUsedFromThere) {
  Told told;
  {
    const auto ours = *table_.Acquire(rig_.key(1), rig_.source(1));
    ours->Prefetch({0, kMiB}, Priority::kFill, [](const absl::Status&) {});
    ours->WhenFinished(told.Callback());
    rig_.Settle();
  }
  ASSERT_EQ(told.status, absl::OkStatus());
  rig_.clock.Advance(std::chrono::seconds(2));
  rig_.Settle();
  const auto again = *table_.Acquire(rig_.key(1), rig_.source(1), Placement::kKernel);
  EXPECT_FALSE(again->kept_by_kernel());
  EXPECT_NE(again->finished_path(), "");
}

}  // namespace
}  // namespace lacuna
