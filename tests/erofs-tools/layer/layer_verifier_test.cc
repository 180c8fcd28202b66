#include "erofs-tools/layer/layer_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/status.h"
#include "erofs-tools/layer/zstd_stream.h"
#include "tests/erofs-tools/layer/layer_rig.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

class LayerVerifierTest : public testing::Test {
 protected:
  LayerVerifierTest() : layer_(*IndexLayer(LayerCodec::kPlain, tar_, tar_, random_)) {}

  absl::StatusOr<bool> Verify(std::shared_ptr<const LayerIndex> index) {
    LayerVerifier verifier(std::move(index), [this](uint64_t offset, absl::Span<char> out) {
      EXPECT_LE(offset + out.size(), layer_.device.size());
      layer_.device.copy(out.data(), out.size(), offset);
      read_ += out.size();
      return device_status_;
    });
    while (true) {
      read_ = 0;
      absl::StatusOr<bool> done = verifier.Step();
      EXPECT_LE(read_, 1'500'000);
      if (!done.ok() || *done) return done;
    }
  }

  Random random_{3};
  std::string tar_ = RandomTar(random_, 50);
  TestLayer layer_;
  uint64_t read_ = 0;
  absl::Status device_status_;
};

TEST_F(LayerVerifierTest, TheTarIsMadeAgain) {
  const absl::StatusOr<bool> verified = Verify(layer_.index);
  EXPECT_TRUE(verified.ok()) << verified.status();
}

TEST_F(LayerVerifierTest, AByteOfABodyThatIsAnotherIsSeen) {
  const std::vector<DataExtent>* last = nullptr;
  for (NodeId id = 0; id < layer_.tree.size(); ++id) {
    if (!layer_.tree.node(id).extents.empty()) last = &layer_.tree.node(id).extents;
  }
  ASSERT_NE(last, nullptr);
  layer_.device[last->back().device_offset] ^= 1;
  const absl::StatusOr<bool> verified = Verify(layer_.index);
  EXPECT_TRUE(IsIntegrityError(verified.status())) << verified.status();
  EXPECT_THAT(std::string(verified.status().message()), HasSubstr(layer_.index->diff_id.ToString()));
}

TEST_F(LayerVerifierTest, AByteOfTheStructureThatIsAnotherIsSeen) {
  const auto other = Changed(*layer_.index, [](LayerIndex& index) {
    std::string structure = *ZstdDecompress(index.structure, kMaxIndexBytes);
    structure.back() = 1;  // behind the end of the archive: the tree is the same
    index.structure = ZstdCompress(structure, 3);
  });
  EXPECT_TRUE(IsIntegrityError(Verify(other).status()));
}

TEST_F(LayerVerifierTest, AStructureThatIsNoneIsAnIntegrityError) {
  const auto cut = Changed(*layer_.index, [](LayerIndex& index) { index.structure.pop_back(); });
  EXPECT_TRUE(IsIntegrityError(Verify(cut).status()));
  const auto shorter = Changed(*layer_.index, [](LayerIndex& index) { index.structure_size -= 512; });
  EXPECT_TRUE(IsIntegrityError(Verify(shorter).status()));
}

TEST_F(LayerVerifierTest, TheDevicesErrorIsPassedOn) {
  device_status_ = absl::UnavailableError("no disk");
  EXPECT_EQ(Verify(layer_.index).status(), device_status_);
}

}  // namespace
}  // namespace lacuna
