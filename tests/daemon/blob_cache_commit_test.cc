// What follows presence: group commit, the digest check, the finish, and the failures of each.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <future>

#include "daemon/base/status.h"
#include "tests/daemon/engine_rig.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::HasSubstr;
using Call = FaultyBackingFile::Call;
using State = BlobCache::State;

void FillAll(EngineRig& rig, const RigObject& object) {
  Told told;
  object.cache->Prefetch({0, object.cache->size()}, Priority::kFill, told.Callback());
  rig.Settle();
  EXPECT_EQ(told.times, 1);
}

bool Exists(const std::string& path) {
  return access(path.c_str(), F_OK) == 0;
}

// An object on memory files, so that the map's file can fail too.
struct FaultyMap {
  std::shared_ptr<FileImage> data = std::make_shared<FileImage>();
  std::shared_ptr<FileImage> map_image = std::make_shared<FileImage>();
  FaultyBackingFile* map_file = nullptr;  // owned by the map

  RigObject Open(EngineRig& rig) {
    const uint64_t size = rig.truth()->size();
    data->Replace(std::string(size, '\0'));
    auto file = std::make_unique<FaultyBackingFile>(std::make_shared<CrashableFile>(map_image));
    map_file = file.get();
    // The store has the object's files too, so that it can be finished.
    EXPECT_TRUE(rig.store->OpenObject(rig.key(), size).ok());
    return rig.OpenOn(std::make_shared<CrashableFile>(data),
                      *ChunkMap::Open(std::move(file), map_image->size(), size));
  }
};

TEST(BlobCacheCommit, ManyChunksAreOneCommitAnIntervalAfterTheFirst) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  for (uint64_t chunk : {0, 2, 4, 6}) object.ReadChunk(chunk)->Wait().IgnoreError();
  rig.clock.Advance(milliseconds(999));
  rig.Settle();
  EXPECT_EQ(object.disk->calls(Call::kSync), 0);
  rig.clock.Advance(milliseconds(1));
  rig.Settle();
  EXPECT_EQ(object.disk->calls(Call::kSync), 1);
  rig.clock.Advance(seconds(10));
  rig.Settle();
  EXPECT_EQ(object.disk->calls(Call::kSync), 1);  // nothing is due when nothing arrives
  object.ReadChunk(8)->Wait().IgnoreError();
  rig.Settle();
  rig.clock.Advance(seconds(1));
  rig.Settle();
  EXPECT_EQ(object.disk->calls(Call::kSync), 2);
}

TEST(BlobCacheCommit, OnlyOneIsUnderWayAndWhatArrivesMeanwhileIsInTheNext) {
  EngineRig rig({MakeBlob(kMiB)}, {}, 2);
  const RigObject object = rig.Open();
  int under_way = 0;
  std::promise<void> first_ends;
  object.disk->OnCall(Call::kSync, [&] {
    EXPECT_EQ(++under_way, 1);
    if (object.disk->calls(Call::kSync) == 1) {
      EXPECT_EQ(object.ReadChunk(1)->Wait(), absl::OkStatus());  // stored by the other worker
      rig.clock.Advance(seconds(5));
      first_ends.set_value();
    }
    --under_way;
  });
  object.ReadChunk(0)->Wait().IgnoreError();
  rig.Settle();
  rig.clock.Advance(seconds(1));
  first_ends.get_future().wait();
  rig.Settle();
  rig.clock.Advance(seconds(1));
  rig.Settle();
  EXPECT_EQ(object.disk->calls(Call::kSync), 2);
}

TEST(BlobCacheCommit, NoWorkerWaitsForAnothersCommit) {
  EngineRig rig({MakeBlob(2 * kChunkSize)}, {}, 2);
  const RigObject object = rig.Open();
  object.ReadChunk(0)->Wait().IgnoreError();
  rig.Settle();
  std::promise<void> committed;
  object.disk->OnCall(Call::kSync, [&] {
    if (object.disk->calls(Call::kSync) > 1) return;
    EXPECT_EQ(object.ReadChunk(1)->Wait(), absl::OkStatus());  // the last: it is to be committed at once
    std::promise<void> other_worker;
    rig.pool->Submit([&] { other_worker.set_value(); });
    other_worker.get_future().wait();
    committed.set_value();
  });
  rig.clock.Advance(seconds(1));
  committed.get_future().wait();
  rig.Settle();
  EXPECT_EQ(object.cache->state(), State::kFinished);
}

TEST(BlobCacheCommit, AnObjectWhoseLastUserIsGoneStillCommits) {
  EngineRig rig(MakeBlob(kMiB));
  ObjectTable table(rig.context());
  {
    const std::shared_ptr<BlobCache> object = *table.Acquire(rig.key(), rig.source());
    std::string byte(1, '\0');
    EXPECT_EQ(object->ReadThrough(0, absl::MakeSpan(byte)), absl::OkStatus());
    rig.Settle();
  }
  rig.clock.Advance(seconds(1));
  rig.Settle();
  ASSERT_TRUE(table.objects().empty());
  EXPECT_EQ((*table.Acquire(rig.key(), rig.source()))->present_bytes(), kChunkSize);
}

TEST(BlobCacheCommit, AFailedSyncDropsTheObject) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  Told told;
  object.cache->WhenFinished(told.Callback());
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  rig.Settle();
  rig.http.Hold();
  const auto parked = object.ReadChunk(1);
  object.disk->Inject({.call = Call::kSync, .status = absl::InternalError("Input/output error")});
  rig.clock.Advance(seconds(1));
  rig.Settle();
  EXPECT_EQ(object.cache->state(), State::kFailed);
  EXPECT_THAT(std::string(parked->Wait().message()), HasSubstr("Input/output error"));
  EXPECT_FALSE(object.ReadChunk(0)->Wait().ok());  // never what the disk may have lost
  EXPECT_EQ(told.times, 1);
  EXPECT_EQ(rig.stats.disk_failures, 1u);
  EXPECT_FALSE(Exists(rig.store->FinishedPath(object.cache->key()) + ".partial"));
}

TEST(BlobCacheCommit, NobodyMeetsTheEmptyMapOfAnObjectThatIsBeingDropped) {
  EngineRig rig(MakeBlob(kMiB));
  FaultyMap disk;
  const RigObject object = disk.Open(rig);
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  rig.Settle();
  object.disk->Inject({.call = Call::kSync, .status = absl::InternalError("Input/output error")});
  std::vector<std::shared_ptr<KernelRead>> reads;
  disk.map_file->OnCall(Call::kWrite, [&] {  // the map is being wiped
    for (uint64_t chunk : {0, 1}) reads.push_back(object.ReadChunk(chunk));
  });
  rig.clock.Advance(seconds(1));
  rig.Settle();
  ASSERT_GE(reads.size(), 2u);
  for (const auto& read : reads)
    EXPECT_THAT(std::string(read->Wait().message()), HasSubstr("Input/output error"));
  EXPECT_EQ(rig.http.ranges().size(), 1u);
}

TEST(BlobCacheCommit, AMapThatCannotBeWrittenIsTriedAgain) {
  EngineRig rig(MakeBlob(kMiB));
  FaultyMap disk;
  const RigObject object = disk.Open(rig);
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  rig.Settle();
  disk.map_file->Inject(
      {.call = Call::kWrite, .status = absl::ResourceExhaustedError("no space"), .times = 2});
  for (int second = 1; second <= 3; ++second) {
    rig.clock.Advance(seconds(1));
    rig.Settle();
    EXPECT_EQ(disk.map_file->calls(Call::kWrite), second);
    EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  }
  rig.clock.Advance(seconds(10));
  rig.Settle();
  EXPECT_EQ(disk.map_file->calls(Call::kWrite), 3);
  EXPECT_GT(disk.map_image->size(), 0u);
}

TEST(BlobCacheFinish, ACompleteObjectIsCheckedAndGetsItsName) {
  EngineRig rig(MakeBlob(3 * kMiB + 100));
  const RigObject object = rig.Open();
  Told told;
  object.cache->WhenFinished(told.Callback());
  EXPECT_EQ(object.cache->finished_path(), "");
  FillAll(rig, object);
  EXPECT_EQ(object.cache->state(), State::kFinished);
  EXPECT_EQ(told.times, 1);
  EXPECT_TRUE(told.status.ok());
  EXPECT_EQ(object.disk->calls(Call::kSync), 1);
  EXPECT_TRUE(Exists(object.cache->finished_path()));
  EXPECT_EQ(object.Read({0, object.cache->size()})->Wait(), absl::OkStatus());
  object.cache->WhenFinished(told.Callback());
  EXPECT_EQ(told.times, 2);
  rig.clock.Advance(seconds(10));
  rig.Settle();
  EXPECT_EQ(told.times, 2);
}

TEST(BlobCacheFinish, AFinishedObjectStaysSoAndAsksNobody) {
  EngineRig rig(MakeBlob(kMiB));
  FillAll(rig, rig.Open());
  const size_t requests = rig.http.ranges().size();
  const RigObject again = rig.Open();
  EXPECT_EQ(again.cache->state(), State::kFinished);
  EXPECT_EQ(again.cache->present_bytes(), kMiB);
  EXPECT_EQ(again.Read({0, kMiB})->Wait(), absl::OkStatus());
  EXPECT_EQ(rig.http.ranges().size(), requests);
}

TEST(BlobCacheFinish, WhateverBroughtTheLastChunk) {
  EngineRig rig(MakeBlob(2 * kChunkSize));
  const RigObject object = rig.Open();
  object.ReadChunk(1)->Wait().IgnoreError();
  object.ReadChunk(0)->Wait().IgnoreError();
  rig.Settle();
  EXPECT_EQ(object.cache->state(), State::kFinished);
}

TEST(BlobCacheFinish, AnObjectThatWasCompleteWhenOpenedIsFinishedThen) {
  EngineRig rig(MakeBlob(kMiB));
  {
    const RigObject object = rig.Open();
    // The daemon ends between the last chunk and the end of the digest check.
    object.disk->OnCall(Call::kRead, [&] { object.cache->Close(absl::UnavailableError("stopping")); });
    FillAll(rig, object);
    EXPECT_EQ(object.cache->state(), State::kFilling);
  }
  const RigObject again = rig.Open();
  rig.Settle();
  EXPECT_EQ(again.cache->state(), State::kFinished);
}

TEST(BlobCacheFinish, AnEmptyBlobIsFinishedAtOnce) {
  EngineRig rig(std::string{});
  const RigObject object = rig.Open();
  rig.Settle();
  EXPECT_EQ(object.cache->state(), State::kFinished);
  EXPECT_EQ(object.cache->size(), 0u);
}

TEST(BlobCacheFinish, WrongBytesFailTheObjectAndAreNeverServedAgain) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  rig.SetFault([&](const HttpRequest& request) -> std::optional<FakeAnswer> {
    FakeAnswer answer = FakeHttp::ServeBlob(*object.truth)(request);
    answer.body.back() ^= 1;
    return answer;
  });
  Told told;
  object.cache->WhenFinished(told.Callback());
  FillAll(rig, object);
  EXPECT_EQ(object.cache->state(), State::kFailed);
  EXPECT_TRUE(IsIntegrityError(told.status)) << told.status;
  EXPECT_TRUE(IsIntegrityError(object.cache->refusal()));
  for (uint64_t chunk : {0, 15}) EXPECT_FALSE(object.ReadChunk(chunk)->Wait().ok());
  EXPECT_EQ(rig.stats.integrity_failures, 1u);
  EXPECT_FALSE(Exists(rig.store->FinishedPath(object.cache->key())));
  // Nothing of it is left: the next try starts afresh.
  rig.SetFault(nullptr);
  const RigObject again = rig.Open();
  EXPECT_EQ(again.cache->present_bytes(), 0u);
  EXPECT_EQ(again.Read({0, kMiB})->Wait(), absl::OkStatus());
}

TEST(BlobCacheFinish, ADiskThatCannotReadBackFailsTheObject) {
  EngineRig rig(MakeBlob(2 * kMiB));
  const RigObject object = rig.Open();
  object.disk->Inject({.call = Call::kRead, .status = absl::InternalError("Input/output error"), .after = 1});
  FillAll(rig, object);
  EXPECT_EQ(object.cache->state(), State::kFailed);
  EXPECT_EQ(rig.stats.disk_failures, 1u);
}

TEST(BlobCacheFinish, WaitsForAMapThatCanBeWritten) {
  EngineRig rig(MakeBlob(kMiB));
  FaultyMap disk;
  const RigObject object = disk.Open(rig);
  disk.map_file->Inject({.call = Call::kWrite, .status = absl::ResourceExhaustedError("no space")});
  FillAll(rig, object);
  EXPECT_EQ(object.cache->state(), State::kFilling);
  rig.clock.Advance(seconds(1));
  rig.Settle();
  EXPECT_EQ(object.cache->state(), State::kFinished);
}

TEST(BlobCacheFinish, ANameThatCannotBeGivenIsTriedAgain) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  const std::string partial = rig.store->FinishedPath(object.cache->key()) + ".partial";
  ASSERT_EQ(rename(partial.c_str(), (partial + ".away").c_str()), 0);
  FillAll(rig, object);
  EXPECT_EQ(object.cache->state(), State::kFilling);
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  ASSERT_EQ(rename((partial + ".away").c_str(), partial.c_str()), 0);
  rig.clock.Advance(seconds(1));
  rig.Settle();
  EXPECT_EQ(object.cache->state(), State::kFinished);
}

TEST(BlobCacheClose, ASyncThatFailsAtTheLastCommitDropsTheObject) {
  EngineRig rig(MakeBlob(kMiB));
  const RigObject object = rig.Open();
  EXPECT_EQ(object.ReadChunk(0)->Wait(), absl::OkStatus());
  rig.Settle();
  object.disk->Inject({.call = Call::kSync, .status = absl::InternalError("Input/output error")});
  object.cache->Close(absl::UnavailableError("stopping"));
  EXPECT_EQ(rig.Open().cache->present_bytes(), 0u);
}

}  // namespace
}  // namespace lacuna
