#include "daemon/snapshotter/image_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lacuna {
namespace {

using testing::HasSubstr;

const std::string kOne = Digest::Of("one").ToString();
const std::string kTwo = Digest::Of("two").ToString();

TEST(ImageLabels, CrisWords) {
  const absl::StatusOr<LabeledLayer> layer =
      LayerInLabels({{"containerd.io/snapshot/cri.image-ref", "r.example/a:b"},
                     {"containerd.io/snapshot/cri.manifest-digest", kOne},
                     {"containerd.io/snapshot/cri.layer-digest", kTwo},
                     {"containerd.io/snapshot/cri.image-layers", kTwo}});
  ASSERT_TRUE(layer.ok()) << layer.status();
  EXPECT_EQ(layer->reference, "r.example/a:b");
  EXPECT_EQ(layer->manifest_digest.ToString(), kOne);
  EXPECT_EQ(layer->layer_digest.ToString(), kTwo);
}

TEST(ImageLabels, StargzsWords) {
  const absl::StatusOr<LabeledLayer> layer =
      LayerInLabels({{"containerd.io/snapshot/remote/stargz.reference", "r.example/a:b"},
                     {"containerd.io/snapshot/remote/stargz.digest", kTwo},
                     {"containerd.io/snapshot/remote/stargz.layers", kTwo}});
  ASSERT_TRUE(layer.ok()) << layer.status();
  EXPECT_EQ(layer->reference, "r.example/a:b");
  EXPECT_TRUE(layer->manifest_digest.empty());
  EXPECT_EQ(layer->layer_digest.ToString(), kTwo);
}

TEST(ImageLabels, NobodySays) {
  EXPECT_TRUE(absl::IsNotFound(LayerInLabels({}).status()));
  EXPECT_TRUE(absl::IsNotFound(LayerInLabels({{"containerd.io/snapshot.ref", kOne}, {"x", "y"}}).status()));
}

TEST(ImageLabels, AWrongDigestIsNamed) {
  const absl::Status status = LayerInLabels({{"containerd.io/snapshot/cri.image-ref", "r.example/a:b"},
                                             {"containerd.io/snapshot/cri.layer-digest", "sha256:1"}})
                                  .status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("label containerd.io/snapshot/cri.layer-digest"));
}

}  // namespace
}  // namespace lacuna
