// LayerCodecOf: the types of layers that registries hold, and nothing else.
#include "erofs-tools/media_types.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(LayerCodecOf, KnowsTheTypesOfTars) {
  const std::pair<const char*, LayerCodec> cases[] = {
      {"application/vnd.oci.image.layer.v1.tar", LayerCodec::kPlain},
      {"application/vnd.oci.image.layer.v1.tar+gzip", LayerCodec::kGzip},
      {"application/vnd.oci.image.layer.v1.tar+zstd", LayerCodec::kZstd},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar", LayerCodec::kPlain},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", LayerCodec::kGzip},
      {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", LayerCodec::kZstd},
      {"application/vnd.docker.image.rootfs.diff.tar", LayerCodec::kPlain},
      {"application/vnd.docker.image.rootfs.diff.tar.gzip", LayerCodec::kGzip},
      {"application/vnd.docker.image.rootfs.diff.tar.zstd", LayerCodec::kZstd},
      {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", LayerCodec::kGzip}};
  for (const auto& [type, codec] : cases) EXPECT_EQ(LayerCodecOf(type), codec) << type;
}

TEST(LayerCodecOf, EverythingElseIsNone) {
  for (const char* type :
       {"", "application/vnd.erofs.layer.v1", "application/vnd.oci.image.layer.v1.tar+xz",
        "application/vnd.oci.image.layer.v1.tar+gzip+encrypted",
        "application/vnd.oci.image.layer.v1.tar.gzip", "application/vnd.oci.image.layer.v1.tarx",
        "application/vnd.docker.image.rootfs.diff.tar+gzip", "application/vnd.docker.image.rootfs.diff",
        "application/vnd.oci.image.layer.v1"}) {
    EXPECT_EQ(LayerCodecOf(type), std::nullopt) << type;
  }
}

}  // namespace
}  // namespace lacuna
