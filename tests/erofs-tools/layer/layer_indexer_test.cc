#include "erofs-tools/layer/layer_indexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/status.h"
#include "erofs-tools/layer/chunk_decoder.h"
#include "erofs-tools/layer/zstd_stream.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// The same on every machine.
std::string Pattern(size_t size, uint32_t state) {
  std::string bytes(size, '\0');
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  return bytes;
}

std::string FixedTar() {
  return TarHeaderBlock({.flag = '5', .name = "etc"}) + TarFile({.name = "etc/small"}, "small\n") +
         TarFile({.name = "large"}, Pattern(200'000, 1)) +
         SparseFile("sparse", 500'000, {{0, 10}, {8192, 5000}, {499'000, 1000}}, Pattern(6010, 2)) +
         TarFile({.name = "zeros"}, std::string(200'000, '\0')) + TarFile({.name = "etc/small"}, "again\n") +
         kTarEnd;
}

TestLayer Index(LayerCodec codec, const std::string& tar, const std::string& blob) {
  Random random(1);
  auto layer = IndexLayer(codec, tar, blob, random);
  EXPECT_TRUE(layer.ok()) << layer.status();
  return *std::move(layer);
}

absl::Status IndexError(LayerCodec codec, const std::string& blob) {
  Random random(1);
  return IndexLayer(codec, "", blob, random).status();
}

// Layout 1, and what objects are named by: this test never changes.
TEST(LayerIndexer, TheDeviceIsFrozen) {
  const TestLayer layer = Index(LayerCodec::kPlain, FixedTar(), FixedTar());
  EXPECT_EQ(Digest::Of(layer.device).hex(),
            "a2dd58a8a92ad98896b1b9b835d64958f7c6702d4f3bec7a6daa0793eaa28d68");
  EXPECT_EQ(layer.index->chunks.Root().hex(),
            "99b490cd97ab91f57f9f7b1c8ae3319e8dae784ca078b42d9afeec4a5079b854");
}

TEST(LayerIndexer, CodecsOfOneTarShareTheDevice) {
  const std::string tar = FixedTar();
  const TestLayer plain = Index(LayerCodec::kPlain, tar, tar);
  const TestLayer gzip = Index(LayerCodec::kGzip, tar, Gzip(tar));
  const TestLayer zstd = Index(LayerCodec::kZstd, tar, ZstdCompress(tar, 3));
  for (const TestLayer* other : {&gzip, &zstd}) {
    EXPECT_EQ(other->index->chunks.Root(), plain.index->chunks.Root());
    EXPECT_EQ(other->index->diff_id, plain.index->diff_id);
    EXPECT_EQ(other->index->structure, plain.index->structure);
    EXPECT_TRUE(other->device == plain.device);
  }
}

TEST(LayerIndexer, OfZstdNothingIsReadInParts) {
  const TestLayer zstd = Index(LayerCodec::kZstd, FixedTar(), ZstdCompress(FixedTar(), 3));
  EXPECT_EQ(ChunkMapper::Of(zstd.index).status().code(), absl::StatusCode::kUnimplemented);
}

TEST(LayerIndexer, AnEmptyLayerHasAnEmptyDevice) {
  const TestLayer layer = Index(LayerCodec::kGzip, kTarEnd, Gzip(kTarEnd));
  EXPECT_EQ(layer.device, "");
  EXPECT_EQ(layer.index->structure_size, 1024);
  EXPECT_TRUE(ParseLayerIndex(SerializeLayerIndex(*layer.index)).ok());
}

TEST(LayerIndexer, ZerosBetweenStoredBytesCostNothing) {
  // Units of 32 MiB, of which the first and the last hold one byte each.
  constexpr uint64_t kTiB = uint64_t{1} << 40;
  const std::string tar = SparseFile("large", kTiB, {{0, 1}, {kTiB - 1, 1}}, "ab") + kTarEnd;
  Random random(1);
  uint64_t written = 0;
  LayerIndexer indexer(LayerCodec::kPlain, [&](uint64_t, absl::Span<const char>) {
    ++written;
    return absl::OkStatus();
  });
  ASSERT_TRUE(indexer.Write(tar).ok());
  const auto layer = indexer.Finish();
  ASSERT_TRUE(layer.ok()) << layer.status();
  EXPECT_EQ(written, 2);
  EXPECT_THAT(layer->index.chunks.zeros(), ElementsAre(ChunkRange{1, 1023}));
}

TEST(LayerIndexer, TheWritersErrorEndsTheIndexing) {
  LayerIndexer indexer(LayerCodec::kPlain,
                       [](uint64_t, absl::Span<const char>) { return absl::UnavailableError("disk"); });
  EXPECT_EQ(indexer.Write(FixedTar()), absl::UnavailableError("disk"));
}

TEST(LayerIndexer, WhatIsWrongWithALayerIsSaid) {
  const std::string tar = FixedTar();
  EXPECT_TRUE(IsIntegrityError(IndexError(LayerCodec::kGzip, tar)));
  const std::string gzip = Gzip(tar);
  EXPECT_TRUE(IsIntegrityError(IndexError(LayerCodec::kGzip, gzip.substr(0, gzip.size() - 1))));
  EXPECT_TRUE(absl::IsInvalidArgument(IndexError(LayerCodec::kPlain, tar.substr(0, 3000))));
  EXPECT_TRUE(absl::IsInvalidArgument(IndexError(LayerCodec::kPlain, gzip + std::string(1024, 'x'))));
}

}  // namespace
}  // namespace lacuna
