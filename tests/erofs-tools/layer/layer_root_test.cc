// LayerRoot: the same for the same tar, however it is packed, and another for whatever an index says else.
#include "erofs-tools/layer/layer_root.h"

#include <gtest/gtest.h>

#include "erofs-tools/layer/zstd_stream.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

class LayerRootTest : public testing::Test {
 protected:
  TestLayer Layer(LayerCodec codec, std::string blob) {
    return *IndexLayer(codec, tar_, std::move(blob), random_);
  }

  Random random_{3};
  const std::string tar_ = RandomTar(random_, 20);
};

TEST_F(LayerRootTest, IsTheSameHoweverTheLayerIsPacked) {
  const Digest plain = *LayerRoot(*Layer(LayerCodec::kPlain, tar_).index);
  EXPECT_EQ(*LayerRoot(*Layer(LayerCodec::kGzip, Gzip(tar_)).index), plain);
  EXPECT_EQ(*LayerRoot(*Layer(LayerCodec::kGzip, Gzip(tar_, {.level = 1})).index), plain);
  EXPECT_EQ(*LayerRoot(*Layer(LayerCodec::kZstd, ZstdCompress(tar_, 3)).index), plain);
}

TEST_F(LayerRootTest, IsAnotherForAnotherStructureOfTheSameBodies) {
  const TestLayer layer = Layer(LayerCodec::kPlain, tar_);
  const auto forged = Changed(*layer.index, [](LayerIndex& index) {
    std::string structure = *ZstdDecompress(index.structure, index.structure_size);
    structure[100] ^= 1;  // in the first header's mode
    index.structure = ZstdCompress(structure, 3);
  });
  ASSERT_EQ(forged->chunks.Root(), layer.index->chunks.Root());
  EXPECT_NE(*LayerRoot(*forged), *LayerRoot(*layer.index));
}

TEST_F(LayerRootTest, OfAStructureThatCannotBeReadThereIsNone) {
  const TestLayer layer = Layer(LayerCodec::kPlain, tar_);
  EXPECT_FALSE(LayerRoot(*Changed(*layer.index, [](LayerIndex& index) { index.structure = "x"; })).ok());
}

}  // namespace
}  // namespace lacuna
