#include "daemon/snapshotter/mount_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/snapshotter/id_mapping.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr SnapshotKind kActive = SnapshotKind::kActive;
constexpr SnapshotKind kView = SnapshotKind::kView;

SnapshotMount MountOf(SnapshotKind kind, const std::vector<std::string>& lowers,
                      const SnapshotLabels& labels = {}, const OverlayFeatures& features = {}) {
  const std::vector<SnapshotMount> mounts =
      MountsFor({.kind = kind, .labels = labels}, {.upper = "/u", .work = "/w", .lowers = lowers}, features);
  EXPECT_EQ(mounts.size(), 1u);
  return mounts.empty() ? SnapshotMount() : mounts.front();
}

TEST(MountOptions, WithoutParentsAFolderIsShown) {
  EXPECT_EQ(MountOf(kActive, {}), (SnapshotMount{"bind", "/u", {"rw", "rbind"}}));
  EXPECT_EQ(MountOf(kView, {}), (SnapshotMount{"bind", "/u", {"ro", "rbind"}}));
}

TEST(MountOptions, AViewOfOneParentIsThatParent) {
  EXPECT_EQ(MountOf(kView, {"/a"}), (SnapshotMount{"bind", "/a", {"ro", "rbind"}}));
}

TEST(MountOptions, ParentsAreLowerFolders) {
  EXPECT_EQ(MountOf(kActive, {"/b", "/a"}),
            (SnapshotMount{"overlay", "overlay", {"workdir=/w", "upperdir=/u", "lowerdir=/b:/a"}}));
  EXPECT_EQ(MountOf(kView, {"/b", "/a"}), (SnapshotMount{"overlay", "overlay", {"lowerdir=/b:/a"}}));
}

TEST(MountOptions, WhatTheKernelAsksFor) {
  EXPECT_THAT(MountOf(kView, {"/b", "/a"}, {}, {.has_index = true, .needs_userxattr = true}).options,
              ElementsAre("index=off", "userxattr", "lowerdir=/b:/a"));
}

TEST(MountOptions, WhatContainerdAsksForByLabels) {
  const SnapshotLabels labels = {{"containerd.io/snapshot/overlay.volatile", "true"},
                                 {"containerd.io/snapshot/uidmapping", "0:1000:65536"},
                                 {"containerd.io/snapshot/gidmapping", "0:2000:65536"}};
  EXPECT_THAT(MountOf(kActive, {"/a"}, labels).options,
              ElementsAre("uidmap=0:1000:65536", "gidmap=0:2000:65536", "volatile", "workdir=/w",
                          "upperdir=/u", "lowerdir=/a"));
  EXPECT_THAT(MountOf(kView, {"/b", "/a"}, labels).options,
              ElementsAre("uidmap=0:1000:65536", "gidmap=0:2000:65536", "lowerdir=/b:/a"))
      << "volatile is for what is written";
}

TEST(MountOptions, WhoIsRootOutside) {
  const auto root = [](const char* uids, const char* gids) {
    return MappedRoot({{kUidMappingLabel, uids}, {kGidMappingLabel, gids}});
  };
  EXPECT_EQ(*MappedRoot({{"other", "label"}}), std::nullopt);
  const absl::StatusOr<std::optional<FileOwner>> mapped = root("1:5:1,0:1000:65536", "0:2000:1");
  ASSERT_TRUE(mapped.ok() && mapped->has_value()) << mapped.status();
  EXPECT_EQ((*mapped)->uid, 1000u);
  EXPECT_EQ((*mapped)->gid, 2000u);
  for (const char* wrong : {"", "0", "0:1000", "0:1000:0", "1:1000:5", "a:b:c"}) {
    const absl::Status status = root(wrong, "0:0:1").status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(std::string(status.message()), HasSubstr("label containerd.io/snapshot/uidmapping="));
  }
  EXPECT_FALSE(MappedRoot({{kUidMappingLabel, "0:1000:1"}}).ok()) << "one without the other";
}

}  // namespace
}  // namespace lacuna
