// Random layers, compressed in random ways: what comes out of a part of the blob is what the whole blob gave.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <random>

#include "erofs-tools/layer/chunk_decoder.h"
#include "erofs-tools/layer/layer_contents.h"
#include "erofs-tools/layer/layer_verifier.h"
#include "tests/erofs-tools/layer/layer_rig.h"
#include "tests/erofs-tools/tar/recording_sink.h"

namespace lacuna {
namespace {

class RandomLayer {
 public:
  explicit RandomLayer(uint64_t seed) : random_(seed) {}

  void Run(LayerCodec codec) {
    std::string tar = RandomTar(random_, 10 + Below(random_, 60));
    std::string blob = codec == LayerCodec::kPlain ? tar : RandomGzip(tar);
    auto layer = IndexLayer(codec, std::move(tar), std::move(blob), random_);
    ASSERT_TRUE(layer.ok()) << layer.status();
    layer_ = *std::move(layer);
    TheIndexNamesTheLayer();
    TheDeviceHoldsTheBodies();
    TheIndexSurvivesItsFile();
    TheIndexGivesTheSameTree();
    PartsAreParts();
  }

 private:
  std::string RandomGzip(const std::string& tar) {
    GzipOptions options{.level = static_cast<int>(Below(random_, 10))};
    if (random_() % 3 == 0) options.member_size = 1 + Below(random_, 6'000'000) + tar.size() / 100;
    if (random_() % 3 == 0) options.flush_every = 1 + Below(random_, 300'000) + tar.size() / 1000;
    return Gzip(tar, options) + std::string(random_() % 2 == 0 ? 0 : Below(random_, 1000), '\0');
  }

  void TheIndexNamesTheLayer() {
    const LayerIndex& index = *layer_.index;
    EXPECT_EQ(index.diff_id, Digest::Of(layer_.tar));
    EXPECT_EQ(index.layer_digest, Digest::Of(layer_.blob));
    EXPECT_EQ(index.tar_size, layer_.tar.size());
    EXPECT_EQ(index.layer_size, layer_.blob.size());
  }

  void TheDeviceHoldsTheBodies() {
    const RecordingSink read = ReadTar(layer_.tar);
    const auto pieces = ReadDevicePieces(*layer_.index);
    ASSERT_TRUE(pieces.ok()) << pieces.status();
    std::string device(layer_.device.size(), '\0');
    for (const DevicePiece& piece : *pieces) {
      device.replace(piece.device_offset, piece.length, layer_.tar, piece.tar_offset, piece.length);
    }
    EXPECT_TRUE(device == layer_.device);
    std::string bodies;
    for (const ReadEntry& entry : read.entries) bodies += entry.body;
    std::string from_device;
    for (const DevicePiece& piece : *pieces)
      from_device += layer_.device.substr(piece.device_offset, piece.length);
    EXPECT_TRUE(bodies == from_device);
  }

  void TheIndexSurvivesItsFile() {
    const std::string file = SerializeLayerIndex(*layer_.index);
    auto again = ParseLayerIndex(file);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(SerializeLayerIndex(*again), file);
    layer_.index = std::make_shared<const LayerIndex>(*std::move(again));
  }

  void TheIndexGivesTheSameTree() {
    const auto contents = ReadLayerContents(*layer_.index);
    ASSERT_TRUE(contents.ok()) << contents.status();
    ASSERT_EQ(contents->tree.size(), layer_.tree.size());
    for (NodeId id = 0; id < layer_.tree.size(); ++id) {
      EXPECT_EQ(contents->tree.node(id).extents, layer_.tree.node(id).extents);
      EXPECT_EQ(contents->tree.node(id).size, layer_.tree.node(id).size);
      EXPECT_EQ(contents->tree.node(id).children, layer_.tree.node(id).children);
    }
  }

  void PartsAreParts() {
    const auto mapper = ChunkMapper::Of(layer_.index);
    ASSERT_TRUE(mapper.ok()) << mapper.status();
    const uint64_t chunks = ChunkCount(layer_.device.size());
    for (int i = 0; i < 40 && chunks > 0; ++i) {
      const uint64_t first = Below(random_, chunks);
      APartIsAPart(*mapper, {first, first + 1 + Below(random_, std::min<uint64_t>(chunks - first, 20))});
    }
  }

  void APartIsAPart(const std::shared_ptr<const ChunkMapper>& mapper, const ChunkRange& wanted) {
    const DecodePlan plan = mapper->Plan(wanted);
    SCOPED_TRACE(testing::Message() << "chunks " << wanted.first << " to " << wanted.last << ", bytes "
                                    << ToString(plan.blob));
    ASSERT_LE(plan.blob.end(), layer_.blob.size());
    ASSERT_LE(plan.chunks.first, wanted.first);
    ASSERT_GE(plan.chunks.last, wanted.last);
    uint64_t next = plan.chunks.first;
    ChunkDecoder decoder(mapper, plan, [&](uint64_t chunk, absl::Span<const char> bytes) {
      EXPECT_EQ(chunk, next++);
      const ByteRange range = BytesOf({chunk, chunk + 1}, layer_.device.size());
      EXPECT_TRUE(bytes == absl::MakeConstSpan(layer_.device).subspan(range.offset, range.length));
    });
    uint64_t at = plan.blob.offset;
    do {
      const uint64_t length =
          std::min(plan.blob.end() - at, 1 + Below(random_, random_() % 2 == 0 ? 20 : 200'000));
      const std::vector<char> piece(layer_.blob.begin() + at, layer_.blob.begin() + at + length);
      const absl::Status status = decoder.Write(piece);
      ASSERT_TRUE(status.ok()) << status;
      at += length;
    } while (at < plan.blob.end());
    EXPECT_EQ(decoder.next(), plan.chunks.last);
    EXPECT_EQ(next, plan.chunks.last);
  }

  Random random_;
  TestLayer layer_;
};

int Scale() {
  const char* scale = std::getenv("LACUNA_TEST_SCALE");
  return scale == nullptr ? 1 : std::atoi(scale);
}

void RunRandom(LayerCodec codec, int rounds) {
  const uint64_t first_seed = std::random_device{}();
  for (uint64_t seed = first_seed; seed < first_seed + static_cast<uint64_t>(rounds * Scale()); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomLayer(seed).Run(codec);
  }
}

TEST(RandomLayer, OfGzipComesOutInParts) {
  RunRandom(LayerCodec::kGzip, 6);
}

TEST(RandomLayer, ThatIsPlainComesOutInParts) {
  RunRandom(LayerCodec::kPlain, 3);
}

}  // namespace
}  // namespace lacuna
