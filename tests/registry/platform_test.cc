// Platforms, and which image of an index a machine gets.
#include "registry/platform.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "registry/index_artifact.h"
#include "registry/manifest.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;

std::string Parsed(absl::string_view text) {
  const absl::StatusOr<Platform> platform = ParsePlatform(text);
  return platform.ok() ? ToString(*platform) : std::string(platform.status().message());
}

TEST(Platform, AliasesAndUsualVariants) {
  EXPECT_EQ(Parsed("linux/amd64"), "linux/amd64");
  EXPECT_EQ(Parsed("linux/amd64/v1"), "linux/amd64");
  EXPECT_EQ(Parsed("linux/amd64/v3"), "linux/amd64/v3");
  EXPECT_EQ(Parsed("Linux/X86_64"), "linux/amd64");
  EXPECT_EQ(Parsed("linux/aarch64"), "linux/arm64");
  EXPECT_EQ(Parsed("linux/arm64/v8"), "linux/arm64");
  EXPECT_EQ(Parsed("linux/arm64/8"), "linux/arm64");
  EXPECT_EQ(Parsed("linux/arm"), "linux/arm/v7");
  EXPECT_EQ(Parsed("linux/arm/6"), "linux/arm/v6");
  EXPECT_EQ(Parsed("linux/armel"), "linux/arm/v6");
  EXPECT_EQ(Parsed("linux/i686"), "linux/386");
  EXPECT_EQ(Parsed("linux/riscv64"), "linux/riscv64");
}

TEST(Platform, RefusesEverythingElse) {
  for (const char* bad :
       {"", "linux", "/", "linux/", "/amd64", "a/b/c/d", "linux/amd 64", "linux/amd64/", "a/b\n"}) {
    EXPECT_THAT(Parsed(bad), HasSubstr("is not a platform; write OS/ARCHITECTURE")) << bad;
  }
}

TEST(Platform, TheHostIsLinuxOnSomething) {
  EXPECT_EQ(HostPlatform().os, "linux");
  EXPECT_NE(HostPlatform().architecture, "");
  EXPECT_NE(HostPlatform().architecture, "x86_64");
}

// The platform that `wanted` gets of `offered`; an empty one stands for a manifest without platform.
std::string Chosen(absl::string_view wanted, const std::vector<Platform>& offered) {
  ImageIndex index;
  for (const Platform& platform : offered) {
    Descriptor& manifest = index.manifests.emplace_back();
    if (!platform.os.empty()) manifest.platform = platform;
  }
  const absl::StatusOr<Descriptor> chosen = SelectPlatform(index, *ParsePlatform(wanted));
  if (!chosen.ok()) {
    EXPECT_EQ(chosen.status().code(), absl::StatusCode::kNotFound);
    return std::string(chosen.status().message());
  }
  return chosen->platform.has_value() ? ToString(*chosen->platform) : "the only one";
}

TEST(SelectPlatform, TheSameArchitecture) {
  const std::vector<Platform> offered = {{"linux", "arm64", "v8"}, {"linux", "amd64"}, {"windows", "amd64"}};
  EXPECT_EQ(Chosen("linux/amd64", offered), "linux/amd64");
  EXPECT_EQ(Chosen("linux/arm64", offered), "linux/arm64/v8");
  EXPECT_EQ(Chosen("windows/amd64", offered), "windows/amd64");
}

TEST(SelectPlatform, TheHighestVariantThatRuns) {
  const std::vector<Platform> arm = {{"linux", "arm", "v5"}, {"linux", "arm", "v7"}, {"linux", "arm", "v6"}};
  EXPECT_EQ(Chosen("linux/arm/v7", arm), "linux/arm/v7");
  EXPECT_EQ(Chosen("linux/arm/v6", arm), "linux/arm/v6");
  EXPECT_EQ(Chosen("linux/arm", {{"linux", "arm", "v6"}}), "linux/arm/v6");
  EXPECT_EQ(Chosen("linux/amd64/v4", {{"linux", "amd64"}, {"linux", "amd64", "v3"}}), "linux/amd64/v3");
  EXPECT_EQ(Chosen("linux/amd64", {{"linux", "amd64", "v3"}, {"linux", "amd64"}}), "linux/amd64");
  EXPECT_EQ(Chosen("linux/arm64/v9", {{"linux", "arm64"}}), "linux/arm64");
}

TEST(SelectPlatform, AVariantThatDoesNotRunIsNotTaken) {
  EXPECT_THAT(Chosen("linux/amd64", {{"linux", "amd64", "v3"}}), HasSubstr("not there for linux/amd64"));
  EXPECT_THAT(Chosen("linux/arm/v6", {{"linux", "arm", "v7"}}), HasSubstr("not there for linux/arm/v6"));
}

TEST(SelectPlatform, OfEqualsTheFirst) {
  ImageIndex index;
  for (uint64_t size : {1, 2}) {
    index.manifests.push_back({.size = size, .platform = Platform{"linux", "amd64"}});
  }
  EXPECT_EQ(SelectPlatform(index, {"linux", "amd64"})->size, 1);
}

TEST(SelectPlatform, WithoutPlatformOnlyWhenThereIsNoOther) {
  EXPECT_EQ(Chosen("linux/amd64", {{}}), "the only one");
  EXPECT_THAT(Chosen("linux/amd64", {{}, {}}), HasSubstr("none that is named"));
}

TEST(SelectPlatform, AnArtifactIsNoImage) {
  const Platform amd64{"linux", "amd64"};
  ImageIndex index{.manifests = {{.size = 1, .platform = amd64, .artifact_type = "a/b"}, {.size = 2}}};
  EXPECT_EQ(SelectPlatform(index, amd64)->size, 2) << "the only image";
  index.manifests[1].platform = amd64;
  EXPECT_EQ(SelectPlatform(index, amd64)->size, 2);
  index.manifests.pop_back();
  EXPECT_EQ(SelectPlatform(index, amd64)->size, 1) << "there is nothing else";
  index.manifests[0].artifact_type = kIndexArtifactType;
  EXPECT_TRUE(absl::IsNotFound(SelectPlatform(index, amd64).status()));
  index.manifests[0].platform.reset();
  EXPECT_TRUE(absl::IsNotFound(SelectPlatform(index, amd64).status()));
}

TEST(SelectPlatform, TheErrorListsWhatThereIs) {
  EXPECT_THAT(
      Chosen("linux/s390x", {{"linux", "arm64", "v8"}, {"linux", "amd64"}, {"unknown", "unknown"}}),
      HasSubstr("not there for linux/s390x; its platforms: linux/amd64, linux/arm64/v8, unknown/unknown"));
  EXPECT_THAT(Chosen("linux/s390x", {}), HasSubstr("none that is named"));
}

}  // namespace
}  // namespace lacuna
