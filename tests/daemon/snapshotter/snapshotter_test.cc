// What containerd asks of any snapshotter: keys, parents, kinds, errors. Source: documentation of
// containerd's package snapshots, and how its clients use it.
#include "daemon/snapshotter/snapshotter.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "tests/daemon/snapshotter/snapshotter_rig.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

class SnapshotterTest : public SnapshotterRig {
 protected:
  void AddEmptyLayer(const std::string& name, const std::string& parent = "") {
    const std::string key = absl::StrCat("key of ", name);
    ASSERT_TRUE(Prepare(key, parent).ok());
    ASSERT_TRUE(Commit(key, name).ok());
  }
  std::vector<std::string> Listed(const std::vector<std::string>& filters = {}) {
    std::vector<std::string> names;
    const absl::Status status = snapshotter_->List(filters, [&](const SnapshotInfo& snapshot) {
      names.push_back(snapshot.name);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
    return names;
  }
};

TEST_F(SnapshotterTest, StatOfAnActiveOne) {
  AddEmptyLayer("base");
  ASSERT_TRUE(Prepare("key", "base", {{"a", "b"}}).ok());
  const absl::StatusOr<SnapshotInfo> info = snapshotter_->Stat("key");
  ASSERT_TRUE(info.ok()) << info.status();
  EXPECT_EQ(info->name, "key");
  EXPECT_EQ(info->parent, "base");
  EXPECT_EQ(info->kind, SnapshotKind::kActive);
  EXPECT_EQ(info->labels, (SnapshotLabels{{"a", "b"}}));
}

TEST_F(SnapshotterTest, StatOfACommittedOneIsByItsName) {
  AddEmptyLayer("name");
  EXPECT_EQ(snapshotter_->Stat("name")->kind, SnapshotKind::kCommitted);
  EXPECT_TRUE(absl::IsNotFound(snapshotter_->Stat("key of name").status()));
}

TEST_F(SnapshotterTest, AKeyIsUsedOnce) {
  ASSERT_TRUE(Prepare("key").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Prepare("key").status()));
  EXPECT_TRUE(absl::IsAlreadyExists(View("key").status()));
}

TEST_F(SnapshotterTest, AParentIsThereAndCommitted) {
  EXPECT_TRUE(absl::IsNotFound(Prepare("key", "nobody").status()));
  ASSERT_TRUE(Prepare("active").ok());
  EXPECT_TRUE(absl::IsInvalidArgument(Prepare("key", "active").status()));
  EXPECT_TRUE(absl::IsInvalidArgument(View("key", "active").status()));
  ASSERT_TRUE(Cleanup().ok());
  EXPECT_THAT(Listed(), ElementsAre("active")) << "nothing stays of those that failed";
}

TEST_F(SnapshotterTest, MountsAreWhatPrepareGave) {
  AddEmptyLayer("base");
  for (const auto& mounts : {Prepare("active", "base"), Prepare("alone")}) ASSERT_TRUE(mounts.ok());
  const Mounts view = View("view", "base");
  Restart();
  EXPECT_EQ(*MountsOf("view"), *view);
  EXPECT_EQ(MountsOf("active")->front().type, "overlay");
  EXPECT_EQ(MountsOf("alone")->front().type, "bind");
  EXPECT_TRUE(absl::IsFailedPrecondition(MountsOf("base").status()));
  EXPECT_TRUE(absl::IsNotFound(MountsOf("nobody").status()));
}

TEST_F(SnapshotterTest, AViewCannotBeCommitted) {
  AddEmptyLayer("base");
  ASSERT_TRUE(View("view", "base").ok());
  EXPECT_TRUE(absl::IsFailedPrecondition(Commit("view", "name")));
}

TEST_F(SnapshotterTest, ANameIsCommittedOnce) {
  AddEmptyLayer("name");
  ASSERT_TRUE(Prepare("key").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(Commit("key", "name")));
  EXPECT_TRUE(absl::IsNotFound(Commit("nobody", "other")));
  EXPECT_TRUE(Commit("key", "other").ok());
  EXPECT_TRUE(absl::IsNotFound(Commit("key", "third"))) << "it is committed already";
}

TEST_F(SnapshotterTest, AParentStaysWhileItHasChildren) {
  AddEmptyLayer("base");
  AddEmptyLayer("child", "base");
  const absl::Status status = snapshotter_->Remove("base");
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  EXPECT_TRUE(snapshotter_->Remove("child").ok());
  EXPECT_TRUE(snapshotter_->Remove("base").ok());
  EXPECT_TRUE(absl::IsNotFound(snapshotter_->Remove("base")));
}

TEST_F(SnapshotterTest, WhatWasRemovedLeavesNothing) {
  AddLayer("base", "", [](const std::string& at) { Write(at + "/file", "text"); });
  ASSERT_TRUE(Prepare("key", "base").ok());
  ASSERT_TRUE(snapshotter_->Remove("key").ok());
  ASSERT_TRUE(snapshotter_->Remove("base").ok());
  ASSERT_TRUE(Cleanup().ok());
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "snapshots"));
}

TEST_F(SnapshotterTest, AKeyCanBeUsedAgainAfterItsRemoval) {
  ASSERT_TRUE(Prepare("key").ok());
  ASSERT_TRUE(snapshotter_->Remove("key").ok());
  WhileMounted(Prepare("key"), [](const std::string& at) { EXPECT_THAT(TreeOf(at), IsEmpty()); });
}

TEST_F(SnapshotterTest, WalkFindsAllOrThoseThatMatch) {
  AddEmptyLayer("base");
  ASSERT_TRUE(Prepare("active", "base", {{"containerd.io/snapshot.ref", "x"}}).ok());
  ASSERT_TRUE(View("view", "base").ok());
  EXPECT_THAT(Listed(), ElementsAre("active", "base", "view"));
  EXPECT_THAT(Listed({"kind==view", "parent==\"\""}), ElementsAre("base", "view"));
  EXPECT_THAT(Listed({"labels.\"containerd.io/snapshot.ref\"==x,parent==base"}), ElementsAre("active"));
  EXPECT_TRUE(
      absl::IsInvalidArgument(snapshotter_->List({"kind="}, [](const SnapshotInfo&) { return true; })));
}

TEST_F(SnapshotterTest, AWalkEndsWhenItsVisitorSaysSo) {
  AddEmptyLayer("a");
  AddEmptyLayer("b");
  int visited = 0;
  ASSERT_TRUE(snapshotter_->List({}, [&](const SnapshotInfo&) { return ++visited < 1; }).ok());
  EXPECT_EQ(visited, 1);
}

// containerd's garbage collector removes while it walks.
TEST_F(SnapshotterTest, SnapshotsCanBeUsedDuringAWalk) {
  AddEmptyLayer("a");
  AddEmptyLayer("b");
  const absl::Status status = snapshotter_->List({}, [&](const SnapshotInfo& snapshot) {
    return snapshotter_->Stat(snapshot.name).ok() && snapshotter_->Remove(snapshot.name).ok();
  });
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(Listed(), IsEmpty());
}

TEST_F(SnapshotterTest, UpdateChangesLabelsOnly) {
  ASSERT_TRUE(Prepare("key", "", {{"a", "1"}, {"b", "2"}}).ok());
  const auto update = [&](const SnapshotLabels& labels, const std::vector<std::string>& paths) {
    const absl::StatusOr<SnapshotInfo> info = snapshotter_->Update({.name = "key", .labels = labels}, paths);
    EXPECT_TRUE(info.ok()) << info.status();
    return info.ok() ? info->labels : SnapshotLabels();
  };
  EXPECT_EQ(update({{"a", "3"}, {"c", "4"}}, {"labels.a"}), (SnapshotLabels{{"a", "3"}, {"b", "2"}}));
  EXPECT_EQ(update({}, {"labels.b"}), (SnapshotLabels{{"a", "3"}}));
  EXPECT_EQ(update({{"d.e/f", "5"}}, {"labels.d.e/f"}), (SnapshotLabels{{"a", "3"}, {"d.e/f", "5"}}));
  EXPECT_EQ(update({{"x", "6"}}, {"labels"}), (SnapshotLabels{{"x", "6"}}));
  EXPECT_EQ(update({{"y", "7"}}, {}), (SnapshotLabels{{"y", "7"}}));
  const absl::Status status = snapshotter_->Update({.name = "key"}, {"parent"}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(absl::IsNotFound(snapshotter_->Update({.name = "nobody"}, {}).status()));
}

TEST_F(SnapshotterTest, UsageIsASnapshotsOwn) {
  constexpr int64_t kFile = 1 << 20;
  AddLayer("base", "", [](const std::string& at) { Write(at + "/large", std::string(kFile, 'x')); });
  const absl::StatusOr<SnapshotUsage> base = snapshotter_->Usage("base");
  ASSERT_TRUE(base.ok()) << base.status();
  EXPECT_GE(base->bytes, kFile);
  EXPECT_EQ(base->inodes, 2);
  WhileMounted(Prepare("key", "base"), [](const std::string& at) { Write(at + "/small", "x"); });
  EXPECT_LT(snapshotter_->Usage("key")->bytes, kFile);
  EXPECT_EQ(snapshotter_->Usage("key")->inodes, 2);
  ASSERT_TRUE(View("view", "base").ok());
  EXPECT_EQ(*snapshotter_->Usage("view"), SnapshotUsage());
  EXPECT_TRUE(absl::IsNotFound(snapshotter_->Usage("nobody").status()));
}

TEST_F(SnapshotterTest, AnIdMappingWithoutRootIsRefusedAndLeavesTheKeyFree) {
  const absl::Status status = Prepare("key", "", {{"containerd.io/snapshot/uidmapping", "1:5:1"}}).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_TRUE(Prepare("key").ok());
}

TEST_F(SnapshotterTest, OfManyThatWantOneKeyOneGetsIt) {
  AddEmptyLayer("base");
  std::atomic<int> made = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) threads.emplace_back([&] { made += Prepare("key", "base").ok() ? 1 : 0; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(made, 1);
  ASSERT_TRUE(Cleanup().ok());
  EXPECT_EQ(Listed().size(), 2u);
}

TEST_F(SnapshotterTest, ManyAtOnceDoNotMeet) {
  AddEmptyLayer("base");
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([this, i] {
      for (int round = 0; round < 8; ++round) {
        const std::string key = absl::StrCat(i, "/", round);
        EXPECT_TRUE(Prepare(key, "base").ok());
        EXPECT_TRUE(Commit(key, "name of " + key).ok());
        EXPECT_TRUE(View("view of " + key, "name of " + key).ok());
        EXPECT_TRUE(snapshotter_->Remove("view of " + key).ok());
        EXPECT_TRUE(snapshotter_->Remove("name of " + key).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(Listed(), ElementsAre("base"));
  ASSERT_TRUE(Cleanup().ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root_ / "snapshots"), {}), 1);
}

// A process that died between two steps.
TEST_F(SnapshotterTest, WhatWasLeftHalfDoneGoesWithTheNextStart) {
  ASSERT_TRUE(Prepare("kept").ok());
  snapshotter_.reset();
  {
    const auto db = SnapshotDb::Open(root_ / "snapshots.db");
    const int64_t number = *(*db)->TakeNumber();
    ASSERT_TRUE((*SnapshotFolders::Open(root_.path(), run_.path()))->Make(number, true, {}).ok());
    static_cast<void>(*(*db)->TakeNumber());  // whose folder was not made
  }
  Restart();
  ASSERT_TRUE(Cleanup().ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(root_ / "snapshots"), {}), 1);
  EXPECT_TRUE(MountsOf("kept").ok());
}

}  // namespace
}  // namespace lacuna
