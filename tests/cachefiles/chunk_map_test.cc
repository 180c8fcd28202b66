// ChunkMap and its format: what it answers, what it writes, what it does when a disk fails.
#include "cachefiles/chunk_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "cachefiles/chunk_map_format.h"
#include "daemon/base/digest.h"
#include "tests/fakes/faulty_backing_file.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Call = FaultyBackingFile::Call;

constexpr uint64_t kSize = 9 * kChunkSize + kBlockSize;  // ten chunks, the last one short

// An object's two files on disks that can fail, and its map.
class ChunkMapTest : public testing::Test {
 protected:
  // As a daemon does that comes up.
  absl::Status Open(uint64_t size = kSize) {
    data_ = std::make_unique<FaultyBackingFile>(std::make_unique<CrashableFile>(data_image_));
    auto map_file = std::make_unique<FaultyBackingFile>(std::make_unique<CrashableFile>(map_image_));
    map_file_ = map_file.get();
    if (map_open_fault_) map_file_->Inject(*map_open_fault_);
    auto map = ChunkMap::Open(std::move(map_file), map_image_->size(), size);
    map_ = map.ok() ? *std::move(map) : nullptr;
    return map.status();
  }

  void Reopen() {
    map_.reset();
    ASSERT_TRUE(Open().ok());
  }

  void PowerCut() {
    data_image_->PowerCut();
    map_image_->PowerCut();
    Reopen();
  }

  void Mark(std::initializer_list<uint64_t> chunks) {
    for (uint64_t chunk : chunks) map_->MarkPresent(chunk);
  }

  std::vector<uint64_t> Present() const {
    std::vector<uint64_t> present;
    for (uint64_t chunk = 0; chunk < ChunkCount(map_->object_size()); ++chunk) {
      if (map_->IsPresent(chunk)) present.push_back(chunk);
    }
    return present;
  }

  std::shared_ptr<FileImage> data_image_ = std::make_shared<FileImage>();
  std::shared_ptr<FileImage> map_image_ = std::make_shared<FileImage>();
  std::optional<FaultyBackingFile::Fault> map_open_fault_;
  std::unique_ptr<FaultyBackingFile> data_;
  FaultyBackingFile* map_file_ = nullptr;  // owned by map_
  std::unique_ptr<ChunkMap> map_;
};

TEST_F(ChunkMapTest, StartsEmpty) {
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(map_->origin(), ChunkMap::Origin::kNew);
  EXPECT_THAT(Present(), IsEmpty());
  EXPECT_EQ(map_->Missing({0, 10}).size(), 10);
  EXPECT_FALSE(map_->AllPresent());
}

TEST_F(ChunkMapTest, AnswersWhatWasMarked) {
  ASSERT_TRUE(Open().ok());
  Mark({1, 3, 3, 8});
  EXPECT_THAT(Present(), ElementsAre(1, 3, 8));
  EXPECT_THAT(map_->Missing({1, 5}), ElementsAre(2, 4));
  EXPECT_THAT(map_->Missing({3, 4}), IsEmpty());
  EXPECT_EQ(map_->present_chunks(), 3);
  EXPECT_EQ(map_->present_bytes(), 3 * kChunkSize);
}

TEST_F(ChunkMapTest, CountsTheLastChunkAsShortAsItIs) {
  ASSERT_TRUE(Open().ok());
  Mark({9});
  EXPECT_EQ(map_->present_bytes(), kBlockSize);
  Mark({0, 1, 2, 3, 4, 5, 6, 7});
  EXPECT_FALSE(map_->AllPresent());
  Mark({8});
  EXPECT_TRUE(map_->AllPresent());
  EXPECT_EQ(map_->present_bytes(), kSize);
}

TEST_F(ChunkMapTest, ChunksPastTheEndAreNeitherPresentNorMissing) {
  ASSERT_TRUE(Open().ok());
  Mark({10, 64, uint64_t{1} << 60});
  EXPECT_FALSE(map_->IsPresent(10));
  EXPECT_FALSE(map_->IsPresent(uint64_t{1} << 60));
  EXPECT_THAT(map_->Missing({8, 1000}), ElementsAre(8, 9));
  EXPECT_THAT(map_->Missing({1000, 2000}), IsEmpty());
  EXPECT_EQ(map_->present_chunks(), 0);
}

TEST_F(ChunkMapTest, AnEmptyObjectIsComplete) {
  ASSERT_TRUE(Open(0).ok());
  EXPECT_TRUE(map_->AllPresent());
  EXPECT_EQ(map_->present_bytes(), 0);
}

TEST_F(ChunkMapTest, TakesATebibyteAndNoMore) {
  ASSERT_TRUE(Open(ChunkMap::kMaxObjectSize).ok());
  const uint64_t last = ChunkCount(ChunkMap::kMaxObjectSize) - 1;
  Mark({0, last});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  map_.reset();
  ASSERT_TRUE(Open(ChunkMap::kMaxObjectSize).ok());
  EXPECT_EQ(map_->present_chunks(), 2);
  EXPECT_TRUE(map_->IsPresent(last));
  EXPECT_EQ(Open(ChunkMap::kMaxObjectSize + 1).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Open(~uint64_t{0}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ChunkMapTest, ACommitSurvivesAPowerCutAndWhatCameLaterDoesNot) {
  ASSERT_TRUE(Open().ok());
  Mark({2, 9});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  Mark({4});
  PowerCut();
  EXPECT_EQ(map_->origin(), ChunkMap::Origin::kLoaded);
  EXPECT_THAT(Present(), ElementsAre(2, 9));
}

TEST_F(ChunkMapTest, NothingNewIsNothingToWrite) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(map_->Commit(*data_).ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  EXPECT_EQ(data_->calls(Call::kSync), 1);
  EXPECT_EQ(map_file_->calls(Call::kWrite), 1);
  Reopen();
  ASSERT_TRUE(map_->Commit(*data_).ok());
  EXPECT_EQ(map_file_->calls(Call::kWrite), 0);
}

TEST_F(ChunkMapTest, TheDataIsOnTheDiskBeforeTheMapIs) {
  ASSERT_TRUE(Open().ok());
  bool synced = false;
  data_->OnCall(Call::kSync, [&] { synced = true; });
  map_file_->OnCall(Call::kWrite, [&] { EXPECT_TRUE(synced); });
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  EXPECT_EQ(map_file_->calls(Call::kSync), 1);
}

// The hook runs inside the sync: were a lock held there, this would hang.
TEST_F(ChunkMapTest, ACommitHoldsNobodyUpAndTakesOnlyWhatCameBefore) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  data_->OnCall(Call::kSync, [&] {
    Mark({5});
    EXPECT_TRUE(map_->IsPresent(5));
    EXPECT_THAT(map_->Missing({4, 6}), ElementsAre(4));
  });
  map_file_->OnCall(Call::kSync, [&] { Mark({6}); });
  ASSERT_TRUE(map_->Commit(*data_).ok());
  EXPECT_THAT(Present(), ElementsAre(1, 5, 6));
  PowerCut();
  EXPECT_THAT(Present(), ElementsAre(1));
}

TEST_F(ChunkMapTest, WhatCameDuringACommitGoesWithTheNext) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  data_->OnCall(Call::kSync, [&] { Mark({5}); });
  ASSERT_TRUE(map_->Commit(*data_).ok());
  ASSERT_TRUE(map_->Commit(*data_).ok());
  PowerCut();
  EXPECT_THAT(Present(), ElementsAre(1, 5));
}

TEST_F(ChunkMapTest, AFailedSyncOfTheDataDropsEverythingForGood) {
  ASSERT_TRUE(Open().ok());
  Mark({1, 2});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  Mark({3});
  data_->Inject({.call = Call::kSync, .status = absl::InternalError("disk on fire")});
  EXPECT_THAT(std::string(map_->Commit(*data_).message()), HasSubstr("disk on fire"));
  Mark({4});
  EXPECT_THAT(Present(), IsEmpty());
  EXPECT_EQ(map_->Missing({0, 10}).size(), 10);
  EXPECT_EQ(map_->present_bytes(), 0);
  // The disk works again, which changes nothing.
  EXPECT_THAT(std::string(map_->Commit(*data_).message()), HasSubstr("disk on fire"));
  PowerCut();
  EXPECT_EQ(map_->origin(), ChunkMap::Origin::kDamaged);
  EXPECT_THAT(Present(), IsEmpty());
}

TEST_F(ChunkMapTest, AFailedSyncDropsAnObjectThatWasComplete) {
  ASSERT_TRUE(Open(kChunkSize).ok());
  Mark({0});
  EXPECT_TRUE(map_->AllPresent());
  data_->Inject({.call = Call::kSync, .status = absl::InternalError("disk on fire")});
  EXPECT_FALSE(map_->Commit(*data_).ok());
  EXPECT_FALSE(map_->AllPresent());
}

TEST_F(ChunkMapTest, ADroppedMapIsEmptyInMemoryBeforeTheDiskIsAsked) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  data_->Inject({.call = Call::kSync, .status = absl::InternalError("disk on fire")});
  map_file_->OnCall(Call::kWrite, [&] { EXPECT_THAT(Present(), IsEmpty()); });
  EXPECT_FALSE(map_->Commit(*data_).ok());
  EXPECT_EQ(map_file_->calls(Call::kWrite), 2);
}

TEST_F(ChunkMapTest, SaysSoWhenEvenTheMapCannotBeWiped) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  data_->Inject({.call = Call::kSync, .status = absl::InternalError("disk on fire")});
  map_file_->Inject({.call = Call::kWrite, .status = absl::InternalError("map too")});
  const std::string message(map_->Commit(*data_).message());
  EXPECT_THAT(message, HasSubstr("disk on fire"));
  EXPECT_THAT(message, HasSubstr("left unwiped (map too)"));
  // The other slot was wiped all the same.
  EXPECT_EQ(map_file_->calls(Call::kWrite), 2);
  EXPECT_EQ(std::string(map_->Commit(*data_).message()), message);
}

TEST_F(ChunkMapTest, AFullDiskLeavesTheMapUsableAndTheLastCommitWhole) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  for (const auto& fault : std::vector<FaultyBackingFile::Fault>{
           {.call = Call::kWrite, .status = absl::ResourceExhaustedError("full")},
           {.call = Call::kWrite, .status = absl::ResourceExhaustedError("full"), .torn_bytes = 512},
           {.call = Call::kSync, .status = absl::ResourceExhaustedError("full")}}) {
    Mark({2});
    map_file_->Inject(fault);
    EXPECT_EQ(map_->Commit(*data_).code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(Present(), ElementsAre(1, 2));
    PowerCut();
    EXPECT_THAT(Present(), ElementsAre(1));
  }
}

TEST_F(ChunkMapTest, ACommitThatFailedIsTriedAgainInItsOwnSlot) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  Mark({2});
  map_file_->Inject(
      {.call = Call::kWrite, .status = absl::ResourceExhaustedError("full"), .times = 3, .torn_bytes = 40});
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(map_->Commit(*data_).ok());
    map_image_->Sync();  // the torn slot reaches the disk
  }
  Reopen();
  EXPECT_THAT(Present(), ElementsAre(1));
  Mark({2});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  PowerCut();
  EXPECT_THAT(Present(), ElementsAre(1, 2));
}

// A slot that a killed daemon left in the page cache only counts once it is on the disk: the next commit
// writes over the slot that the disk has.
TEST_F(ChunkMapTest, IssueKillThenPowerCutKeepsWhatWasCommitted) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  Mark({2});
  map_file_->Inject({.call = Call::kSync, .status = absl::InternalError("killed here")});
  EXPECT_FALSE(map_->Commit(*data_).ok());
  Reopen();
  EXPECT_THAT(Present(), ElementsAre(1, 2));
  Mark({3});
  map_file_->Inject(
      {.call = Call::kWrite, .status = absl::InternalError("power cut here"), .torn_bytes = 40});
  EXPECT_FALSE(map_->Commit(*data_).ok());
  map_image_->PowerCut([&, last = map_image_->unsynced() - 1](size_t i) { return i == last; });
  Reopen();
  EXPECT_THAT(Present(), ElementsAre(1, 2));
}

TEST_F(ChunkMapTest, AMapThatCannotBeSyncedWhenOpenedIsDamaged) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  map_open_fault_ = {.call = Call::kSync, .status = absl::InternalError("disk on fire")};
  Reopen();
  EXPECT_EQ(map_->origin(), ChunkMap::Origin::kDamaged);
  EXPECT_THAT(Present(), IsEmpty());
}

TEST_F(ChunkMapTest, AMapThatCannotBeReadIsAnError) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  map_open_fault_ = {.call = Call::kRead, .status = absl::InternalError("disk on fire")};
  EXPECT_EQ(Open().code(), absl::StatusCode::kInternal);
}

TEST_F(ChunkMapTest, TheMapOfAnotherSizeIsDamaged) {
  ASSERT_TRUE(Open().ok());
  Mark({1});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  map_.reset();
  // As many chunks, so that only the recorded size tells.
  ASSERT_TRUE(Open(kSize + kBlockSize).ok());
  EXPECT_EQ(map_->origin(), ChunkMap::Origin::kDamaged);
  EXPECT_THAT(Present(), IsEmpty());
}

class DamagedChunkMapTest : public ChunkMapTest {
 protected:
  // Two commits: the first slot is the older one.
  void SetUp() override {
    ASSERT_TRUE(Open().ok());
    Mark({1, 7});
    ASSERT_TRUE(map_->Commit(*data_).ok());
    Mark({2, 9});
    ASSERT_TRUE(map_->Commit(*data_).ok());
    whole_ = map_image_->bytes();
    ASSERT_EQ(whole_.size(), 2 * ChunkMapSlotSize(kSize));
  }

  // Opens `bytes` as the map and says which of the two commits it shows: 2, 1, or 0 for none.
  int Generation(std::string bytes) {
    map_image_->Replace(std::move(bytes));
    Reopen();
    const std::vector<uint64_t> present = Present();
    if (map_->origin() == ChunkMap::Origin::kLoaded && present == std::vector<uint64_t>{1, 2, 7, 9}) return 2;
    if (map_->origin() == ChunkMap::Origin::kLoaded && present == std::vector<uint64_t>{1, 7}) return 1;
    EXPECT_NE(map_->origin(), ChunkMap::Origin::kLoaded);
    EXPECT_THAT(present, IsEmpty());
    return 0;
  }

  std::string whole_;
};

TEST_F(DamagedChunkMapTest, AnyByteFlippedShowsTheOlderCommitOrNone) {
  const size_t slot = whole_.size() / 2;
  const size_t used = 64 + ChunkMapWords(kSize) * 8;  // header and bitmap; the rest is padding
  for (size_t at = 0; at < whole_.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string bytes = whole_;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      const bool newer_hit = at >= slot && at - slot < used;
      ASSERT_EQ(Generation(bytes), newer_hit ? 1 : 2) << "byte " << at;
      for (size_t i = 0; i < used; ++i) bytes[newer_hit ? i : slot + i] = 0;
      const bool older_hit = at < used;
      ASSERT_EQ(Generation(bytes), newer_hit || older_hit ? 0 : 1) << "byte " << at;
    }
  }
}

TEST_F(DamagedChunkMapTest, CutAtAnyLengthItShowsTheOlderCommitOrNone) {
  const size_t slot = whole_.size() / 2;
  for (size_t length = 0; length <= whole_.size(); ++length) {
    const int expected = length == whole_.size() ? 2 : length >= slot ? 1 : 0;
    ASSERT_EQ(Generation(whole_.substr(0, length)), expected) << length;
    EXPECT_EQ(map_->origin() == ChunkMap::Origin::kNew, length == 0);
  }
}

TEST_F(DamagedChunkMapTest, SlotsInTheWrongOrderShowTheNewerCommit) {
  const size_t slot = whole_.size() / 2;
  EXPECT_EQ(Generation(whole_.substr(slot) + whole_.substr(0, slot)), 2);
}

TEST_F(DamagedChunkMapTest, WorksOnAfterDamage) {
  ASSERT_EQ(Generation(std::string(whole_.size(), '\0')), 0);
  Mark({3});
  ASSERT_TRUE(map_->Commit(*data_).ok());
  PowerCut();
  EXPECT_THAT(Present(), ElementsAre(3));
}

TEST(ChunkMapFormat, IsFrozen) {
  ChunkMapImage image{.object_size = kSize, .generation = 0x0102030405060708, .words = {0x201}};
  const std::string slot = EncodeChunkMap(image);
  ASSERT_EQ(slot.size(), 4096);
  EXPECT_EQ(slot.substr(0, 16), std::string("LACUNAMP\x01\0\0\0\0\0\x01\0", 16));
  EXPECT_EQ(slot.substr(24, 8), "\x08\x07\x06\x05\x04\x03\x02\x01");
  EXPECT_EQ(slot.substr(64, 8), std::string("\x01\x02\0\0\0\0\0\0", 8));
  EXPECT_EQ(Digest::Of(slot).hex(), "71112903098cf676d8bfad4b7dff10362e090b248c46af96989a57240da55fee");
}

TEST(ChunkMapFormat, RejectsBitsPastTheEndThoughTheirChecksumIsRight) {
  const std::string slot = EncodeChunkMap({.object_size = kSize, .generation = 1, .words = {1 << 10}});
  const absl::Status status = DecodeChunkMap(slot, kSize).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("past the end"));
}

TEST(ChunkMapFormat, RoundTripsAtWordAndSlotBoundaries) {
  for (const uint64_t chunks : {0, 1, 63, 64, 65, 32255, 32256, 32257}) {
    const uint64_t size = chunks * kChunkSize;
    ChunkMapImage image{.object_size = size, .generation = 7};
    image.words.assign(ChunkMapWords(size), ~uint64_t{0});
    if (chunks % 64 != 0) image.words.back() = (uint64_t{1} << chunks % 64) - 1;
    const std::string slot = EncodeChunkMap(image);
    EXPECT_EQ(slot.size() % kBlockSize, 0);
    const auto decoded = DecodeChunkMap(slot, size);
    ASSERT_TRUE(decoded.ok()) << chunks << ": " << decoded.status();
    EXPECT_EQ(decoded->words, image.words);
    EXPECT_EQ(decoded->generation, 7);
  }
}

TEST_F(ChunkMapTest, ManyThreadsMarkAskAndCommit) {
  constexpr uint64_t kChunks = 4000;
  constexpr uint64_t kThreads = 3;
  ASSERT_TRUE(Open(kChunks * kChunkSize).ok());
  std::atomic<int> writing = 0;
  map_file_->OnCall(Call::kWrite, [&] { EXPECT_EQ(++writing, 1); });
  map_file_->OnCall(Call::kSync, [&] { --writing; });
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([this, thread] {
      for (uint64_t chunk = thread; chunk < kChunks; chunk += kThreads) {
        map_->MarkPresent(chunk);
        EXPECT_TRUE(map_->IsPresent(chunk));
        if (chunk % 64 != thread) continue;
        EXPECT_FALSE(map_->Missing({0, kChunks}).size() == kChunks);
      }
    });
  }
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([this] {
      while (!map_->AllPresent()) EXPECT_TRUE(map_->Commit(*data_).ok());
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_TRUE(map_->Commit(*data_).ok());
  EXPECT_EQ(map_->present_chunks(), kChunks);
  map_image_->PowerCut();
  ASSERT_TRUE(Open(kChunks * kChunkSize).ok());
  EXPECT_TRUE(map_->AllPresent());
}

}  // namespace
}  // namespace lacuna
