// Snapshots whose layers are in a registry. The layers are folders here, bind-mounted.
#include <gmock/gmock.h>

#include "tests/daemon/snapshotter/snapshotter_rig.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kTarget[] = "containerd.io/snapshot.ref";

class LazySnapshotsTest : public SnapshotterRig {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts";
    Write(image_ / "file", "1");
    std::filesystem::create_directory(image_ / "folder");
    layers_.Offer("chain", image_.path());
  }
  // As containerd asks for a layer.
  absl::Status PrepareTarget(const std::string& chain_id, const std::string& parent = "") {
    return Prepare("extract " + chain_id, parent, {{kTarget, chain_id}, {"other", "label"}}).status();
  }
  // What containerd finds then.
  std::vector<std::string> FindTarget(const std::string& chain_id, const std::string& parent = "") {
    std::vector<std::string> names;
    const std::string filter =
        absl::StrCat("labels.\"", kTarget, "\"==\"", chain_id, "\",parent==\"", parent, "\"");
    const absl::Status status = snapshotter_->List({filter}, [&](const SnapshotInfo& snapshot) {
      if (snapshot.kind == SnapshotKind::kCommitted) names.push_back(snapshot.name);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return names;
  }
  std::vector<std::string> Events() {
    std::vector<std::string> texts;
    events_.Visit(
        /*follow=*/false,
        [&](const Event& event) {
          texts.push_back(absl::StrCat(event.kind, " ", event.subject, ": ", event.text));
          return true;
        },
        [] { return true; });
    return texts;
  }

  const TempDir image_;
};

TEST_F(LazySnapshotsTest, PrepareCommitsAtOnceAndSaysThatItIsThere) {
  EXPECT_TRUE(absl::IsAlreadyExists(PrepareTarget("chain")));
  EXPECT_THAT(FindTarget("chain"), ElementsAre("chain"));
  const absl::StatusOr<SnapshotInfo> info = snapshotter_->Stat("chain");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->labels, (SnapshotLabels{{kTarget, "chain"}, {"other", "label"}}));
  EXPECT_TRUE(absl::IsNotFound(snapshotter_->Stat("extract chain").status()));
  EXPECT_EQ(layers_.mounted(), 0u) << "nobody looks at it yet";
  EXPECT_THAT(Events(), IsEmpty());
}

TEST_F(LazySnapshotsTest, WithoutTheLabelALayerIsUnpacked) {
  EXPECT_TRUE(Prepare("extract").ok());
  EXPECT_EQ(layers_.found(), 0);
}

TEST_F(LazySnapshotsTest, WhatCannotBeLazyIsUnpackedAndEventsSayWhy) {
  const Mounts mounts = Prepare("extract", "", {{kTarget, "other"}});
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  EXPECT_EQ(mounts->front().type, "bind");
  EXPECT_THAT(Events(),
              ElementsAre("snapshot.unpacked other: not served lazily: the registry does not answer"));
}

TEST_F(LazySnapshotsTest, AContainerWritesAboveTheLayers) {
  static_cast<void>(PrepareTarget("chain"));
  WhileMounted(Prepare("container", "chain"), [](const std::string& at) {
    EXPECT_THAT(TreeOf(at), ElementsAre("file=1", "folder/"));
    Write(at + "/file", "2");
    Write(at + "/folder/new", "3");
  });
  WhileMounted(MountsOf("container"), [](const std::string& at) {
    EXPECT_THAT(TreeOf(at), ElementsAre("file=2", "folder/", "folder/new=3"));
  });
  EXPECT_EQ(layers_.mounted(), 1u);
  EXPECT_EQ(Read(image_ / "file"), "1");
}

TEST_F(LazySnapshotsTest, AViewIsTheLayersThemselves) {
  static_cast<void>(PrepareTarget("chain"));
  const Mounts view = View("view", "chain");
  ASSERT_TRUE(view.ok()) << view.status();
  EXPECT_EQ(view->front().type, "bind");
  WhileMounted(view, [](const std::string& at) {
    EXPECT_THAT(TreeOf(at), ElementsAre("file=1", "folder/"));
    EXPECT_NE(mkdir((at + "/new").c_str(), 0700), 0);
  });
}

TEST_F(LazySnapshotsTest, TheHighestLayersShowAllThatIsBeneath) {
  const TempDir lowest;
  layers_.Offer("lowest", lowest.path());
  static_cast<void>(PrepareTarget("lowest"));
  static_cast<void>(PrepareTarget("chain", "lowest"));
  EXPECT_THAT(TreeOfSnapshot("chain"), ElementsAre("file=1", "folder/"));
  EXPECT_EQ(layers_.mounted(), 1u);
}

TEST_F(LazySnapshotsTest, FoldersCanLieAboveLayers) {
  static_cast<void>(PrepareTarget("chain"));
  AddLayer("local", "chain", [](const std::string& at) {
    std::filesystem::remove(at + "/file");
    Write(at + "/folder/more", "2");
  });
  AddLayer("higher", "local", [](const std::string& at) { Write(at + "/top", "3"); });
  EXPECT_THAT(TreeOfSnapshot("higher"), ElementsAre("folder/", "folder/more=2", "top=3"));
}

TEST_F(LazySnapshotsTest, LayersCanLieAboveFolders) {
  AddLayer("local", "", [](const std::string& at) { Write(at + "/hidden", "x"); });
  EXPECT_TRUE(absl::IsAlreadyExists(PrepareTarget("chain", "local")));
  EXPECT_THAT(TreeOfSnapshot("chain"), ElementsAre("file=1", "folder/"))
      << "a chain ID names the content of the whole chain";
}

// Two namespaces of containerd's ask for the same layers.
TEST_F(LazySnapshotsTest, WhatIsThereIsSharedAndNobodyLooksForItAgain) {
  EXPECT_TRUE(absl::IsAlreadyExists(PrepareTarget("chain")));
  EXPECT_TRUE(absl::IsAlreadyExists(PrepareTarget("chain")));
  EXPECT_EQ(layers_.found(), 1);
  EXPECT_THAT(FindTarget("chain"), ElementsAre("chain"));
}

TEST_F(LazySnapshotsTest, OfAnotherParentItIsAnotherSnapshot) {
  AddLayer("local", "", [](const std::string&) {});
  EXPECT_TRUE(absl::IsAlreadyExists(PrepareTarget("chain")));
  EXPECT_TRUE(absl::IsAlreadyExists(PrepareTarget("chain", "local")));
  ASSERT_EQ(FindTarget("chain", "local").size(), 1u);
  EXPECT_THAT(TreeOfSnapshot(FindTarget("chain", "local").front()), ElementsAre("file=1", "folder/"));
}

TEST_F(LazySnapshotsTest, RemovingUnmounts) {
  static_cast<void>(PrepareTarget("chain"));
  ASSERT_TRUE(Prepare("container", "chain").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(snapshotter_->Remove("chain")));
  ASSERT_TRUE(snapshotter_->Remove("container").ok());
  ASSERT_TRUE(snapshotter_->Remove("chain").ok());
  EXPECT_EQ(layers_.mounted(), 0u);
  ASSERT_TRUE(Cleanup().ok());
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "snapshots"));
  EXPECT_TRUE(std::filesystem::is_empty(run_ / "snapshots"));
}

TEST_F(LazySnapshotsTest, WhenLayersCannotBeMountedThePrepareFailsAndItsKeyIsFree) {
  static_cast<void>(PrepareTarget("chain"));
  layers_.FailMounts(absl::UnavailableError("the registry does not answer"));
  EXPECT_TRUE(absl::IsUnavailable(Prepare("container", "chain").status()));
  layers_.FailMounts(absl::OkStatus());
  EXPECT_TRUE(Prepare("container", "chain").ok());
  layers_.FailMounts(absl::FailedPreconditionError("not seen"));
  EXPECT_TRUE(absl::IsFailedPrecondition(MountsOf("container").status()));
}

TEST_F(LazySnapshotsTest, AfterAnotherStartLayersAreMountedAgain) {
  static_cast<void>(PrepareTarget("chain"));
  ASSERT_TRUE(Prepare("container", "chain").ok());
  static_cast<void>(layers_.Unmount(run_ / "snapshots/1"));
  Restart();
  WhileMounted(MountsOf("container"),
               [](const std::string& at) { EXPECT_THAT(TreeOf(at), ElementsAre("file=1", "folder/")); });
}

TEST_F(LazySnapshotsTest, UsageIsWhatTheLayersTakeOnTheDisk) {
  static_cast<void>(PrepareTarget("chain"));
  EXPECT_EQ(snapshotter_->Usage("chain")->bytes, 4096);
}

}  // namespace
}  // namespace lacuna
