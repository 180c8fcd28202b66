// ParseImageConfig: the platform and the diffIDs, or the field that is wrong.
#include "registry/image_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ImageConfig, HasPlatformAndDiffIds) {
  const Digest low = Digest::Of("low");
  const Digest high = Digest::Of("high");
  const auto config = ParseImageConfig(
      absl::StrCat(R"({"os":"linux","architecture":"arm","variant":"v7","config":{"Env":["A=1"]},)",
                   R"("rootfs":{"type":"layers","diff_ids":[")", low.ToString(), R"(",")", high.ToString(),
                   R"("]},"history":[{"empty_layer":true}]})"));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->platform, (Platform{"linux", "arm", "v7"}));
  EXPECT_THAT(config->diff_ids, ElementsAre(low, high));
}

TEST(ImageConfig, NamesTheFieldThatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"[]", "JSON"},
      {"{}", "rootfs: is not an object"},
      {R"({"rootfs":[]})", "rootfs: is not an object"},
      {R"({"rootfs":{}})", "rootfs.diff_ids: is not an array"},
      {R"({"rootfs":{"diff_ids":["sha256:1"]}})", "rootfs.diff_ids[0]: "},
      {R"({"rootfs":{"diff_ids":[7]}})", "rootfs.diff_ids[0]: "},
      {R"({"os":7,"rootfs":{"diff_ids":[]}})", "os: "}};
  for (const auto& [json, problem] : cases) {
    const absl::Status status = ParseImageConfig(json).status();
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << json << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(problem)) << json;
  }
}

}  // namespace
}  // namespace lacuna
