#include "erofs-tools/layer/layer_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>

#include "erofs-tools/layer/chunk_decoder.h"
#include "erofs-tools/layer/layer_contents.h"
#include "erofs-tools/layer/zstd_stream.h"
#include "proto/lacuna/index/v1/index.pb.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

using testing::HasSubstr;
using Message = index::v1::LayerIndex;

const TestLayer& Sample() {
  static const TestLayer layer = [] {
    Random random(5);
    const std::string tar = TarFile({.name = "noise"}, Noise(9'000'000, random)) +
                            TarFile({.name = "zeros"}, std::string(300'000, '\0')) +
                            TarFile({.name = "end"}, "end") + kTarEnd;
    return *IndexLayer(LayerCodec::kGzip, tar, Gzip(tar, {.level = 1}), random);
  }();
  return layer;
}

// What is said about the sample's index after `change`; empty when it is accepted.
std::string ErrorAfter(const std::function<void(Message&)>& change) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(*ZstdDecompress(SerializeLayerIndex(*Sample().index), kMaxIndexBytes)));
  change(message);
  const auto parsed = ParseLayerIndex(ZstdCompress(message.SerializeAsString(), 1));
  EXPECT_TRUE(parsed.ok() || absl::IsInvalidArgument(parsed.status())) << parsed.status();
  return std::string(parsed.status().message());
}

TEST(LayerIndex, SurvivesItsFile) {
  const std::string file = SerializeLayerIndex(*Sample().index);
  const auto index = ParseLayerIndex(file);
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->chunks.Root(), Sample().index->chunks.Root());
  EXPECT_EQ(index->chunk_blob_ends, Sample().index->chunk_blob_ends);
  ASSERT_GE(index->checkpoints.size(), 3);
  EXPECT_EQ(index->checkpoints[2].window, Sample().index->checkpoints[2].window);
  EXPECT_EQ(SerializeLayerIndex(*index), file);
}

TEST(LayerIndex, WhatIsNotKnownIsNamed) {
  EXPECT_THAT(ErrorAfter([](Message& m) { m.set_format_version(2); }),
              HasSubstr("format version is 2, known is 1"));
  EXPECT_THAT(ErrorAfter([](Message& m) { m.set_required_features(4); }), HasSubstr("bitmap 4"));
  EXPECT_THAT(ErrorAfter([](Message& m) { m.set_device_layout(2); }), HasSubstr("device layout is 2"));
  EXPECT_THAT(ErrorAfter([](Message& m) { m.clear_codec(); }), HasSubstr("codec 0"));
}

TEST(LayerIndex, WhatIsNoIndexIsRefused) {
  EXPECT_FALSE(ParseLayerIndex("").ok());
  EXPECT_FALSE(ParseLayerIndex("no zstd").ok());
  EXPECT_FALSE(ParseLayerIndex(ZstdCompress("no message", 1)).ok());
  const std::string file = SerializeLayerIndex(*Sample().index);
  EXPECT_FALSE(ParseLayerIndex(file.substr(0, file.size() / 2)).ok());
}

TEST(LayerIndex, ABombIsRefused) {
  std::string bomb;
  for (int i = 0; i < 5; ++i) bomb += ZstdCompress(std::string(64 * 1024 * 1024, '\0'), 1);
  EXPECT_THAT(std::string(ParseLayerIndex(bomb).status().message()), HasSubstr("more than"));
}

TEST(LayerIndex, EveryNumberIsChecked) {
  const std::pair<const char*, std::function<void(Message&)>> kChanges[] = {
      {"digest", [](Message& m) { m.set_diff_id("sha256:"); }},
      {"digest", [](Message& m) { m.clear_layer_digest(); }},
      {"device of", [](Message& m) { m.set_device_size((uint64_t{1} << 40) + 4096); }},
      {"whole blocks", [](Message& m) { m.set_device_size(m.device_size() + 1); }},
      {"layer of", [](Message& m) { m.set_layer_size(UINT64_MAX); }},
      {"structure of", [](Message& m) { m.set_structure_size(uint64_t{1} << 40); }},
      {"tar of", [](Message& m) { m.set_tar_size(1); }},
      {"tar of", [](Message& m) { m.set_tar_size(UINT64_MAX); }},
      {"bytes of digests", [](Message& m) { m.mutable_chunk_sums()->pop_back(); }},
      {"half a range", [](Message& m) { m.add_zero_ranges(1); }},
      {"zero chunks", [](Message& m) { m.set_zero_ranges(1, UINT64_MAX); }},
      {"plain layer", [](Message& m) { m.set_codec(index::v1::CODEC_PLAIN); }},
      {"ends of chunks", [](Message& m) { m.set_codec(index::v1::CODEC_ZSTD); }},
      {"ends of chunks", [](Message& m) { m.add_chunk_blob_ends(0); }},
      {"chunk's end", [](Message& m) { m.set_chunk_blob_ends(0, m.layer_size()); }},
      {"chunk's end", [](Message& m) { m.set_chunk_blob_ends(1, UINT64_MAX); }},
      {"0 checkpoints", [](Message& m) { m.clear_checkpoints(); }},
      {"first checkpoint", [](Message& m) { m.mutable_checkpoints(0)->set_tar_delta(1); }},
      {"first checkpoint", [](Message& m) { m.mutable_checkpoints(0)->set_window("w"); }},
      {"a checkpoint beyond", [](Message& m) { m.mutable_checkpoints(1)->set_tar_delta(UINT64_MAX); }},
      {"a checkpoint beyond", [](Message& m) { m.mutable_checkpoints(2)->set_blob_delta(m.layer_size()); }},
      {"there twice", [](Message& m) { m.mutable_checkpoints(1)->set_blob_delta(0); }},
      {"at bit 8", [](Message& m) { m.mutable_checkpoints(1)->set_bits(8); }},
      {"within a byte",
       [](Message& m) { m.mutable_checkpoints(1)->set_bits(1), m.mutable_checkpoints(1)->clear_window(); }},
      {"window of", [](Message& m) { m.mutable_checkpoints(1)->set_window("w"); }},
      {"a window of 32769",
       [](Message& m) { m.mutable_checkpoints(1)->set_window(ZstdCompress(std::string(32769, 'w'), 1)); }},
  };
  EXPECT_EQ(ErrorAfter([](Message&) {}), "");
  for (const auto& [what, change] : kChanges) EXPECT_THAT(ErrorAfter(change), HasSubstr(what));
}

TEST(LayerIndex, SizesThatAreNotTheStructuresAreRefused) {
  EXPECT_TRUE(ReadLayerContents(*Sample().index).ok());
  const auto tar = Changed(*Sample().index, [](LayerIndex& index) { ++index.tar_size; });
  EXPECT_THAT(std::string(ReadLayerContents(*tar).status().message()),
              HasSubstr("its structure is that of a tar of"));
  const auto device =
      Changed(*Sample().index, [](LayerIndex& index) { index.chunks.AppendZeros(kChunkSize); });
  EXPECT_FALSE(ReadLayerContents(*device).ok());
  const auto structure = Changed(*Sample().index, [](LayerIndex& index) { --index.structure_size; });
  EXPECT_THAT(std::string(ReadDevicePieces(*structure).status().message()), HasSubstr("longer than it says"));
}

std::string Golden() {
  std::ifstream file(LACUNA_LAYER_GOLDEN "/index_v1.zst", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Indexes are in registries: this test never changes. The layer was a folder, a file, a symlink, and a file
// of 5 MB of text with 300,000 zeros behind it.
TEST(LayerIndex, OfVersionOneIsReadForEver) {
  const auto index = ParseLayerIndex(Golden());
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_EQ(index->codec, LayerCodec::kGzip);
  EXPECT_EQ(index->diff_id.hex(), "1bd096a08ebd1f1ece19f8eda9d9de09ec2fe72971c79583a214406f909364ba");
  EXPECT_EQ(index->chunks.Root().hex(), "525f6989be28efa46ff95112c92187a55cdd4f3fe034e81519585451fc32b54c");
  EXPECT_EQ(index->checkpoints.size(), 2);
  const auto contents = ReadLayerContents(*index);
  ASSERT_TRUE(contents.ok()) << contents.status();
  EXPECT_EQ(contents->tree.size(), 5);
  // What is written today is the same, compressed by whatever zstd is there.
  EXPECT_EQ(ZstdDecompress(SerializeLayerIndex(*index), kMaxIndexBytes),
            ZstdDecompress(Golden(), kMaxIndexBytes));
}

}  // namespace
}  // namespace lacuna
