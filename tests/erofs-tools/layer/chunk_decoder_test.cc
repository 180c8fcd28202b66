#include "erofs-tools/layer/chunk_decoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "daemon/base/status.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// 10 MB that hardly compress, 3 chunks of zeros, 1 MB.
class ChunkDecoderTest : public testing::Test {
 protected:
  ChunkDecoderTest() {
    Random random(11);
    const std::string tar = TarFile({.name = "first"}, Noise(160 * kChunkSize, random)) +
                            TarFile({.name = "zeros"}, std::string(3 * kChunkSize, '\0')) +
                            TarFile({.name = "last"}, Noise(16 * kChunkSize, random)) + kTarEnd;
    gzip_ = *IndexLayer(LayerCodec::kGzip, tar, Gzip(tar, {.level = 1}), random);
    plain_ = *IndexLayer(LayerCodec::kPlain, tar, tar, random);
  }

  static std::shared_ptr<const ChunkMapper> MapperOf(std::shared_ptr<const LayerIndex> index) {
    return *ChunkMapper::Of(std::move(index));
  }

  // Decodes the plan for `wanted` of `blob`; chunks_ are those that came out.
  absl::Status Decode(const std::shared_ptr<const LayerIndex>& index, const std::string& blob,
                      const ChunkRange& wanted) {
    const auto mapper = MapperOf(index);
    const DecodePlan plan = mapper->Plan(wanted);
    chunks_.clear();
    ChunkDecoder decoder(mapper, plan,
                         [this](uint64_t chunk, absl::Span<const char>) { chunks_.push_back(chunk); });
    absl::Status status =
        decoder.Write(absl::MakeConstSpan(blob).subspan(plan.blob.offset, plan.blob.length));
    EXPECT_EQ(decoder.next(), plan.chunks.first + chunks_.size());
    return status;
  }

  TestLayer gzip_;
  TestLayer plain_;
  std::vector<uint64_t> chunks_;
};

TEST_F(ChunkDecoderTest, APlanOfGzipIsWhatBeginsBetweenTwoCheckpoints) {
  const auto& checkpoints = gzip_.index->checkpoints;
  const DecodePlan plan = MapperOf(gzip_.index)->Plan({100, 101});
  const auto next = std::find_if(checkpoints.begin(), checkpoints.end(), [](const GzipCheckpoint& c) {
    return c.tar_offset > 512 + 100 * kChunkSize;
  });
  ASSERT_NE(next, checkpoints.end());
  const GzipCheckpoint& from = *std::prev(next);
  ASSERT_LE(from.tar_offset, 512 + 100 * kChunkSize) << "the test wants another chunk";
  EXPECT_EQ(plan.chunks, (ChunkRange{ChunkCount(from.tar_offset - 512), ChunkCount(next->tar_offset - 512)}));
  EXPECT_EQ(plan.blob.offset, BlobBegin(from));
  EXPECT_EQ(plan.blob.end(), gzip_.index->chunk_blob_ends[plan.chunks.last - 1]);
  // What has to go in is known to some KiB.
  EXPECT_LT(plan.blob.length, (plan.chunks.last * kChunkSize + 512 - from.tar_offset) * 101 / 100 + 8192);
}

TEST_F(ChunkDecoderTest, APlanOfPlainIsExact) {
  const DecodePlan plan = MapperOf(plain_.index)->Plan({2, 4});
  EXPECT_EQ(plan.blob, (ByteRange{512 + 2 * kChunkSize, 2 * kChunkSize}));
  EXPECT_EQ(plan.chunks, (ChunkRange{2, 4}));
}

TEST_F(ChunkDecoderTest, ZerosAreNotFetched) {
  for (const TestLayer* layer : {&gzip_, &plain_}) {
    const DecodePlan plan = MapperOf(layer->index)->Plan({160, 163});
    EXPECT_TRUE(plan.blob.empty());
    EXPECT_TRUE(Decode(layer->index, layer->blob, {160, 163}).ok());
    EXPECT_THAT(chunks_, ElementsAre(160, 161, 162));
    // And do not make a plan longer.
    EXPECT_EQ(MapperOf(layer->index)->Plan({150, 163}).blob, MapperOf(layer->index)->Plan({150, 160}).blob);
    EXPECT_TRUE(Decode(layer->index, layer->blob, {159, 162}).ok());
  }
}

TEST_F(ChunkDecoderTest, AByteThatIsAnotherNeverComesOut) {
  std::string blob = plain_.blob;
  blob[512 + 5 * kChunkSize + 77] ^= 1;
  const absl::Status status = Decode(plain_.index, blob, {3, 8});
  EXPECT_TRUE(IsIntegrityError(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("chunk 5 "));
  EXPECT_THAT(chunks_, ElementsAre(3, 4));
}

TEST_F(ChunkDecoderTest, DamagedGzipIsAnIntegrityError) {
  std::string blob = gzip_.blob;
  for (uint64_t at = 100'000; at < 101'000; ++at) blob[at] ^= 0x55;
  EXPECT_TRUE(IsIntegrityError(Decode(gzip_.index, blob, {0, 10})));
}

TEST_F(ChunkDecoderTest, WhatFollowsThePlanIsIgnored) {
  const auto mapper = MapperOf(plain_.index);
  const DecodePlan plan = mapper->Plan({3, 4});
  ChunkDecoder decoder(mapper, plan, [](uint64_t, absl::Span<const char>) {});
  EXPECT_TRUE(decoder.Write(absl::MakeConstSpan(plain_.blob).subspan(plan.blob.offset)).ok());
  EXPECT_TRUE(decoder.Write("more").ok());
  EXPECT_EQ(decoder.next(), 4);
}

TEST_F(ChunkDecoderTest, AnIndexThatNamesTooFewBytesIsFoundOut) {
  const auto index =
      Changed(*gzip_.index, [](LayerIndex& i) { i.chunk_blob_ends.assign(i.chunk_blob_ends.size(), 9); });
  EXPECT_TRUE(IsIntegrityError(Decode(index, gzip_.blob, {100, 101})));
  EXPECT_THAT(chunks_, IsEmpty());
}

TEST_F(ChunkDecoderTest, AnIndexWhoseCheckpointsLieIsFoundOut) {
  const auto& checkpoints = gzip_.index->checkpoints;
  const size_t before = static_cast<size_t>(
      std::count_if(checkpoints.begin() + 1, checkpoints.end(),
                    [](const GzipCheckpoint& c) { return c.tar_offset <= 512 + 100 * kChunkSize; }));
  const auto index =
      Changed(*gzip_.index, [before](LayerIndex& i) { i.checkpoints[before].tar_offset -= 1000; });
  EXPECT_TRUE(IsIntegrityError(Decode(index, gzip_.blob, {100, 101})));
  const auto bits = Changed(*gzip_.index, [before](LayerIndex& i) {
    i.checkpoints[before].bits = (i.checkpoints[before].bits + 3) % 8;
  });
  EXPECT_TRUE(IsIntegrityError(Decode(bits, gzip_.blob, {100, 101})));
}

}  // namespace
}  // namespace lacuna
