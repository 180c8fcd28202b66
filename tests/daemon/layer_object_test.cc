// An object that is a layer's device: its chunks are inflated from the layer's blob, compared with the index,
// and, all together, with the diffID.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "daemon/base/status.h"
#include "daemon/layer_source.h"
#include "erofs-tools/layer/layer_root.h"
#include "tests/daemon/engine_rig.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class LayerObjectTest : public testing::Test {
 protected:
  // A layer of some 20 MiB, which inflating can begin in the middle of.
  explicit LayerObjectTest(int workers = 1) {
    std::string tar = RandomTar(random_, 300);
    std::string blob = Gzip(tar);
    absl::StatusOr<TestLayer> layer = IndexLayer(LayerCodec::kGzip, std::move(tar), std::move(blob), random_);
    EXPECT_TRUE(layer.ok()) << layer.status();
    layer_ = *std::move(layer);
    rig_.emplace(std::vector<std::string>{layer_.blob}, BlobCache::Options(), workers);
    rig_->ForgiveRepeats();
    object_ = Open(layer_.index);
  }
  ~LayerObjectTest() override { object_.cache->Close(absl::CancelledError("the test's end")); }

  RigObject Open(const std::shared_ptr<const LayerIndex>& index) {
    const auto source = std::make_shared<const LayerSource>(rig_->blob(), *ChunkMapper::Of(index),
                                                            [this](bool right) { verdict_ = right; });
    key_ = ObjectKey::ForLayer(index->diff_id, *LayerRoot(*index));
    StoredObject stored = *rig_->store->OpenObject(key_, source->object_size());
    return {.cache = BlobCache::Create(rig_->context(), key_, source, std::move(stored)),
            .disk = nullptr,
            .truth = std::make_shared<const std::string>(layer_.device)};
  }
  void Reopen(const std::shared_ptr<const LayerIndex>& index) {
    object_.cache->Close(absl::CancelledError("another is opened"));
    object_ = Open(index);
  }
  uint64_t chunks() const { return ChunkCount(layer_.device.size()); }
  // A chunk that does not come out first after a checkpoint, and is not zero.
  uint64_t ChunkInTheMiddle() const {
    for (uint64_t chunk = chunks() / 2; chunk < chunks(); ++chunk) {
      const bool alone = (*ChunkMapper::Of(layer_.index))->Plan({chunk, chunk + 1}).chunks.first == chunk;
      if (!alone && !layer_.index->chunks.IsZero(chunk)) return chunk;
    }
    ADD_FAILURE() << "the layer has none";
    return 0;
  }
  absl::Status Fill() {
    Told told;
    object_.cache->Prefetch({0, object_.cache->size()}, Priority::kFill, [](const absl::Status&) {});
    object_.cache->WhenFinished(told.Callback());
    rig_->Settle(512);
    EXPECT_EQ(told.times, 1);
    return told.status;
  }

  Random random_{11};
  TestLayer layer_;
  std::optional<EngineRig> rig_;
  RigObject object_;
  ObjectKey key_;
  std::optional<bool> verdict_;
};

TEST_F(LayerObjectTest, AReadIsAnsweredWithTheDevicesBytes) {
  for (int i = 0; i < 50; ++i) {
    const uint64_t offset = Below(random_, layer_.device.size() / kBlockSize) * kBlockSize;
    const uint64_t length = std::min<uint64_t>(layer_.device.size() - offset, 128 * 1024);
    EXPECT_EQ(object_.Read({offset, length})->Wait(), absl::OkStatus()) << offset;
  }
}

TEST_F(LayerObjectTest, WhatIsInflatedOnTheWayIsHereToo) {
  const uint64_t chunk = ChunkInTheMiddle();
  const ChunkRange brought = (*ChunkMapper::Of(layer_.index))->Plan({chunk, chunk + 1}).chunks;
  EXPECT_EQ(object_.ReadChunk(chunk)->Wait(), absl::OkStatus());
  rig_->Settle();
  EXPECT_THAT(rig_->http.ranges(), SizeIs(1));
  for (uint64_t other = brought.first; other < brought.last; ++other) {
    EXPECT_TRUE(object_.ReadChunk(other)->answered()) << other;
  }
  EXPECT_THAT(rig_->http.ranges(), SizeIs(1));
}

TEST_F(LayerObjectTest, AReaderOfWhatAnotherFlightBringsAlongJoinsIt) {
  const uint64_t chunk = ChunkInTheMiddle();
  const ChunkRange brought = (*ChunkMapper::Of(layer_.index))->Plan({chunk, chunk + 1}).chunks;
  rig_->http.Hold();
  const auto last = object_.ReadChunk(chunk);
  const auto first = object_.ReadChunk(brought.first);
  rig_->http.ReleaseAll();
  EXPECT_EQ(last->Wait(), absl::OkStatus());
  EXPECT_EQ(first->Wait(), absl::OkStatus());
  EXPECT_THAT(rig_->http.ranges(), SizeIs(1));
}

TEST_F(LayerObjectTest, ZerosAreNotFetched) {
  ASSERT_FALSE(layer_.index->chunks.zeros().empty()) << "the layer has none";
  for (const ChunkRange& zeros : layer_.index->chunks.zeros()) {
    EXPECT_TRUE(object_.ReadChunk(zeros.first)->answered());
  }
  EXPECT_THAT(rig_->http.ranges(), IsEmpty());
}

TEST_F(LayerObjectTest, BytesThatAreNotTheLayersAreAnErrorAndAreNotKept) {
  const uint64_t before = object_.cache->present_bytes();
  rig_->SetFault([&](const HttpRequest& request) {
    FakeAnswer answer = FakeHttp::ServeBlob(layer_.blob)(request);
    for (size_t i = 100; i < answer.body.size(); ++i)
      answer.body[i] = static_cast<char>(answer.body[i] ^ 0x10);
    return answer;
  });
  const absl::Status read = object_.ReadChunk(ChunkInTheMiddle())->Wait();
  EXPECT_TRUE(IsIntegrityError(read)) << read;
  rig_->Settle();
  const uint64_t after = object_.cache->present_bytes();
  rig_->SetFault(nullptr);
  rig_->clock.Advance(std::chrono::seconds(3));
  EXPECT_EQ(object_.ReadChunk(ChunkInTheMiddle())->Wait(), absl::OkStatus())
      << "the registry tells the truth again";
  EXPECT_GE(after, before) << "what came before the wrong byte is right";
}

TEST_F(LayerObjectTest, ACompleteDeviceIsComparedWithItsDiffIdAndFinished) {
  EXPECT_EQ(Fill(), absl::OkStatus());
  EXPECT_EQ(verdict_, true);
  EXPECT_TRUE(object_.cache->digest_checked());
  EXPECT_TRUE(rig_->store->IsFinished(key_));
  std::string bytes(layer_.device.size(), '?');
  ASSERT_TRUE(object_.cache->file()->ReadAt(0, absl::MakeSpan(bytes)).ok());
  EXPECT_TRUE(bytes == layer_.device);
}

TEST_F(LayerObjectTest, EachByteIsFetchedAboutOnceHoweverItIsRead) {
  for (uint64_t chunk = 0; chunk < chunks(); chunk += 2) {
    ASSERT_EQ(object_.ReadChunk(chunks() - 1 - chunk)->Wait(), absl::OkStatus());
  }
  ASSERT_EQ(Fill(), absl::OkStatus());
  uint64_t fetched = 0;
  for (const std::string& range : rig_->http.ranges()) {
    uint64_t begin = 0;
    uint64_t end = 0;
    ASSERT_EQ(std::sscanf(range.c_str(), "bytes=%lu-%lu", &begin, &end), 2) << range;
    fetched += end + 1 - begin;
  }
  EXPECT_LT(fetched, layer_.blob.size() * 11 / 10) << testing::PrintToString(rig_->http.ranges());
}

class LayerObjectWithManyWorkersTest : public LayerObjectTest {
 protected:
  LayerObjectWithManyWorkersTest() : LayerObjectTest(4) {}
};

// A worker may still be at what came first when more comes.
TEST_F(LayerObjectWithManyWorkersTest, OneDecodesAFlightAtATime) {
  rig_->SetFault([&](const HttpRequest& request) {
    FakeAnswer answer = FakeHttp::ServeBlob(layer_.blob)(request);
    answer.piece = 512;
    return answer;
  });
  for (uint64_t chunk = 0; chunk < chunks(); chunk += 16) {
    EXPECT_EQ(object_.ReadChunk(chunk)->Wait(), absl::OkStatus()) << chunk;
  }
  EXPECT_EQ(Fill(), absl::OkStatus());
}

// Right chunks, but another tar around them: somebody's index that adds what the layer does not have.
TEST_F(LayerObjectTest, AnIndexOfAnotherTarIsFoundOutAndTheObjectDropped) {
  Reopen(Changed(*layer_.index, [](LayerIndex& index) { index.diff_id = Digest::Of("another tar"); }));
  EXPECT_EQ(object_.ReadChunk(0)->Wait(), absl::OkStatus()) << "nobody can know yet";
  const absl::Status filled = Fill();
  EXPECT_TRUE(IsIntegrityError(filled)) << filled;
  EXPECT_EQ(verdict_, false);
  EXPECT_EQ(object_.cache->state(), BlobCache::State::kFailed);
  EXPECT_TRUE(IsIntegrityError(object_.ReadChunk(0)->Wait()));
  EXPECT_FALSE(rig_->store->IsFinished(key_));
  EXPECT_THAT(rig_->store->List(),
              testing::Not(testing::Contains(testing::Field(&StoredInfo::file_name, key_.FileName()))));
}

}  // namespace
}  // namespace lacuna
