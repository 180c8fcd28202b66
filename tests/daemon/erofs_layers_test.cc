#include "daemon/erofs_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lacuna {
namespace {

using ::testing::HasSubstr;

Descriptor Layer(const std::string& type, const std::string& content) {
  return {.media_type = type, .digest = Digest::Of(content), .size = 4096};
}

TEST(ErofsLayers, KeepsDevicesInTableOrder) {
  Manifest manifest;
  manifest.layers = {Layer(kErofsLayerType, "b"), Layer(kErofsDeviceType, "d1"),
                     Layer(kErofsDeviceType, "d2")};
  const auto layers = FindErofsLayers(manifest);
  ASSERT_TRUE(layers.ok()) << layers.status();
  EXPECT_EQ(layers->bootstrap.digest, Digest::Of("b"));
  ASSERT_EQ(layers->devices.size(), 2u);
  EXPECT_EQ(layers->devices[1].digest, Digest::Of("d2"));
}

TEST(ErofsLayers, NamesTheLayerItCannotMount) {
  Manifest manifest;
  manifest.layers = {Layer("application/vnd.oci.image.layer.v1.tar+gzip", "t")};
  const auto layers = FindErofsLayers(manifest);
  ASSERT_FALSE(layers.ok());
  EXPECT_THAT(std::string(layers.status().message()), HasSubstr("tar+gzip"));
}

TEST(ErofsLayers, RefusesTwoBootstrapsAndADeviceBeforeItsBootstrap) {
  Manifest two;
  two.layers = {Layer(kErofsLayerType, "a"), Layer(kErofsLayerType, "b")};
  EXPECT_FALSE(FindErofsLayers(two).ok());
  Manifest reversed;
  reversed.layers = {Layer(kErofsDeviceType, "d"), Layer(kErofsLayerType, "b")};
  EXPECT_FALSE(FindErofsLayers(reversed).ok());
  EXPECT_FALSE(FindErofsLayers(Manifest()).ok());
}

}  // namespace
}  // namespace lacuna
