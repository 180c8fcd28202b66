// What a snapshot shows: the files of its parents as the snapshot changed them. On real overlays.
#include <gmock/gmock.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tests/daemon/snapshotter/snapshotter_rig.h"

namespace lacuna {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class SnapshotFilesTest : public SnapshotterRig {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: mounts";
  }
};

TEST_F(SnapshotFilesTest, ChildrenSeeWhatTheirParentsHave) {
  AddLayer("a", "", [](const std::string& at) {
    Write(at + "/one", "1");
    fs::create_directory(at + "/folder");
    fs::create_symlink("one", at + "/link");
  });
  AddLayer("b", "a", [](const std::string& at) { Write(at + "/folder/two", "2"); });
  EXPECT_THAT(TreeOfSnapshot("a"), ElementsAre("folder/", "link->one", "one=1"));
  EXPECT_THAT(TreeOfSnapshot("b"), ElementsAre("folder/", "folder/two=2", "link->one", "one=1"));
}

TEST_F(SnapshotFilesTest, SiblingsDoNotSeeEachOther) {
  AddLayer("base", "", [](const std::string& at) { Write(at + "/file", "base"); });
  AddLayer("left", "base", [](const std::string& at) { Write(at + "/file", "left"); });
  AddLayer("right", "base", [](const std::string& at) { Write(at + "/more", "right"); });
  EXPECT_THAT(TreeOfSnapshot("base"), ElementsAre("file=base"));
  EXPECT_THAT(TreeOfSnapshot("left"), ElementsAre("file=left"));
  EXPECT_THAT(TreeOfSnapshot("right"), ElementsAre("file=base", "more=right"));
}

TEST_F(SnapshotFilesTest, AViewCannotBeWritten) {
  AddLayer("a", "", [](const std::string& at) { Write(at + "/file", "1"); });
  AddLayer("b", "a", [](const std::string& at) { Write(at + "/more", "2"); });
  for (const char* parent : {"", "a", "b"}) {
    WhileMounted(View(absl::StrCat("view of ", parent), parent), [](const std::string& at) {
      EXPECT_NE(mkdir((at + "/new").c_str(), 0700), 0);
      EXPECT_EQ(errno, EROFS);
    });
  }
}

TEST_F(SnapshotFilesTest, WhatIsWrittenIsThereAfterAnotherMount) {
  AddLayer("base", "", [](const std::string& at) { Write(at + "/file", "1"); });
  WhileMounted(Prepare("key", "base"), [](const std::string& at) { Write(at + "/file", "2"); });
  Restart();
  WhileMounted(MountsOf("key"),
               [](const std::string& at) { EXPECT_THAT(TreeOf(at), ElementsAre("file=2")); });
}

TEST_F(SnapshotFilesTest, RemovedFilesAndFoldersStayRemoved) {
  AddLayer("base", "", [](const std::string& at) {
    fs::create_directories(at + "/folder/deep");
    Write(at + "/folder/deep/file", "1");
    Write(at + "/file", "2");
  });
  AddLayer("less", "base", [](const std::string& at) {
    fs::remove_all(at + "/folder");
    fs::remove(at + "/file");
  });
  EXPECT_THAT(TreeOfSnapshot("less"), IsEmpty());
  AddLayer("again", "less", [](const std::string& at) { Write(at + "/file", "3"); });
  EXPECT_THAT(TreeOfSnapshot("again"), ElementsAre("file=3"));
}

TEST_F(SnapshotFilesTest, AFolderMadeAnewHidesTheOldOne) {
  AddLayer("base", "", [](const std::string& at) {
    fs::create_directory(at + "/folder");
    Write(at + "/folder/old", "1");
  });
  AddLayer("opaque", "base", [](const std::string& at) {
    fs::remove_all(at + "/folder");
    fs::create_directory(at + "/folder");
    Write(at + "/folder/new", "2");
  });
  EXPECT_THAT(TreeOfSnapshot("opaque"), ElementsAre("folder/", "folder/new=2"));
}

TEST_F(SnapshotFilesTest, AFileAndAFolderCanTakeEachOthersPlace) {
  AddLayer("base", "", [](const std::string& at) {
    fs::create_directory(at + "/a");
    Write(at + "/a/inside", "1");
    Write(at + "/b", "2");
  });
  AddLayer("swapped", "base", [](const std::string& at) {
    fs::remove_all(at + "/a");
    Write(at + "/a", "3");
    fs::remove(at + "/b");
    fs::create_directory(at + "/b");
  });
  EXPECT_THAT(TreeOfSnapshot("swapped"), ElementsAre("a=3", "b/"));
}

TEST_F(SnapshotFilesTest, FilesOfALowerLayerCanBeMoved) {
  AddLayer("base", "", [](const std::string& at) {
    fs::create_directory(at + "/from");
    Write(at + "/from/file", "1");
  });
  AddLayer("moved", "base", [](const std::string& at) {
    fs::create_directory(at + "/to");
    fs::rename(at + "/from/file", at + "/to/file");
  });
  EXPECT_THAT(TreeOfSnapshot("moved"), ElementsAre("from/", "to/", "to/file=1"));
}

TEST_F(SnapshotFilesTest, NewFoldersCanBeRenamed) {
  AddLayer("base", "", [](const std::string& at) { Write(at + "/file", "1"); });
  AddLayer("renamed", "base", [](const std::string& at) {
    fs::create_directories(at + "/old/deep");
    Write(at + "/old/deep/file", "2");
    fs::rename(at + "/old", at + "/new");
    fs::rename(at + "/file", at + "/other");
  });
  EXPECT_THAT(TreeOfSnapshot("renamed"), ElementsAre("new/", "new/deep/", "new/deep/file=2", "other=1"));
}

TEST_F(SnapshotFilesTest, HardLinksStayOneFile) {
  AddLayer("base", "", [](const std::string& at) {
    Write(at + "/one", "1");
    fs::create_hard_link(at + "/one", at + "/two");
  });
  WhileMounted(View("view", "base"), [](const std::string& at) {
    EXPECT_EQ(StatOf(at + "/one").st_ino, StatOf(at + "/two").st_ino);
    EXPECT_EQ(StatOf(at + "/one").st_nlink, 2u);
  });
  AddLayer("linked", "base", [](const std::string& at) { fs::create_hard_link(at + "/one", at + "/three"); });
  EXPECT_THAT(TreeOfSnapshot("linked"), ElementsAre("one=1", "three=1", "two=1"));
}

TEST_F(SnapshotFilesTest, OwnersAndModesCanBeChanged) {
  AddLayer("base", "", [](const std::string& at) {
    fs::create_directory(at + "/folder");
    Write(at + "/folder/file", "1");
  });
  AddLayer("changed", "base", [](const std::string& at) {
    ASSERT_EQ(chown((at + "/folder").c_str(), 1, 2), 0);
    ASSERT_EQ(chown((at + "/folder/file").c_str(), 3, 4), 0);
    ASSERT_EQ(chmod((at + "/folder/file").c_str(), 04751), 0);
  });
  WhileMounted(View("view", "changed"), [](const std::string& at) {
    EXPECT_EQ(StatOf(at + "/folder").st_uid, 1u);
    EXPECT_EQ(StatOf(at + "/folder").st_gid, 2u);
    EXPECT_EQ(StatOf(at + "/folder/file").st_uid, 3u);
    EXPECT_EQ(StatOf(at + "/folder/file").st_mode & 07777, 04751u);
    EXPECT_EQ(Read(at + "/folder/file"), "1");
  });
}

TEST_F(SnapshotFilesTest, FolderModesAreKeptByACommit) {
  const mode_t modes[] = {0700, 0755, 01777, 02770};
  const auto path = [](const std::string& at, mode_t mode) { return absl::StrCat(at, "/", mode); };
  AddLayer("base", "", [&](const std::string& at) {
    for (const mode_t mode : modes) {
      ASSERT_EQ(mkdir(path(at, mode).c_str(), 0700), 0);
      ASSERT_EQ(chmod(path(at, mode).c_str(), mode), 0);
    }
  });
  AddLayer("child", "base", [&](const std::string& at) { Write(path(at, 0755) + "/file", "x"); });
  WhileMounted(View("view", "child"), [&](const std::string& at) {
    for (const mode_t mode : modes) EXPECT_EQ(StatOf(path(at, mode)).st_mode & 07777, mode);
  });
}

TEST_F(SnapshotFilesTest, ARootIsReadableAndItsChangesAreInherited) {
  WhileMounted(Prepare("fresh"), [](const std::string& at) { EXPECT_EQ(StatOf(at).st_mode & 07777, 0755u); });
  AddLayer("base", "", [](const std::string& at) { ASSERT_EQ(chown(at.c_str(), 5, 6), 0); });
  WhileMounted(Prepare("key", "base"), [](const std::string& at) {
    EXPECT_EQ(StatOf(at).st_uid, 5u);
    EXPECT_EQ(StatOf(at).st_gid, 6u);
  });
}

TEST_F(SnapshotFilesTest, ARootOfAMappedContainerIsItsRoots) {
  const SnapshotLabels labels = {{"containerd.io/snapshot/uidmapping", "0:1000:65536"},
                                 {"containerd.io/snapshot/gidmapping", "0:2000:65536"}};
  const Mounts mounts = Prepare("key", "", labels);
  ASSERT_TRUE(mounts.ok()) << mounts.status();
  EXPECT_EQ(StatOf(mounts->front().source).st_uid, 1000u);
  EXPECT_EQ(StatOf(mounts->front().source).st_gid, 2000u);
}

TEST_F(SnapshotFilesTest, DevicesFifosAndAttributesPassThrough) {
  AddLayer("base", "", [](const std::string& at) {
    ASSERT_EQ(mknod((at + "/device").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
    ASSERT_EQ(mkfifo((at + "/fifo").c_str(), 0640), 0);
    Write(at + "/file", "1");
    ASSERT_EQ(setxattr((at + "/file").c_str(), "user.a", "b", 1, 0), 0);
  });
  AddLayer("child", "base", [](const std::string& at) { Write(at + "/more", "2"); });
  WhileMounted(View("view", "child"), [](const std::string& at) {
    EXPECT_EQ(StatOf(at + "/device").st_rdev, makedev(1, 3));
    EXPECT_TRUE(S_ISFIFO(StatOf(at + "/fifo").st_mode));
    char value = 0;
    EXPECT_EQ(getxattr((at + "/file").c_str(), "user.a", &value, 1), 1);
    EXPECT_EQ(value, 'b');
  });
}

TEST_F(SnapshotFilesTest, SixtyFourParents) {
  std::string parent;
  for (int i = 0; i < 64; ++i) {
    const std::string name = absl::StrCat("layer ", i);
    const std::string key = absl::StrCat("key ", i);
    const Mounts mounts = Prepare(key, parent);
    ASSERT_TRUE(mounts.ok()) << mounts.status();
    // Into the snapshot's own folder: 64 mounts would take long, and are not what is looked at.
    const std::string upper = absl::StrCat(root_ / "snapshots", "/", i + 1, "/fs");
    Write(absl::StrCat(upper, "/", i), "own");
    Write(upper + "/common", name);
    ASSERT_TRUE(Commit(key, name).ok());
    parent = name;
  }
  WhileMounted(Prepare("key", parent), [](const std::string& at) {
    for (int i = 0; i < 64; ++i) EXPECT_EQ(Read(absl::StrCat(at, "/", i)), "own");
    EXPECT_EQ(Read(at + "/common"), "layer 63");
    Write(at + "/new", "written");
    EXPECT_EQ(Read(at + "/new"), "written");
  });
}

TEST_F(SnapshotFilesTest, AnIntermediateOneIsRemovedLastToFirst) {
  AddLayer("a", "", [](const std::string& at) { Write(at + "/one", "1"); });
  AddLayer("b", "a", [](const std::string& at) { Write(at + "/two", "2"); });
  AddLayer("c", "b", [](const std::string& at) { Write(at + "/three", "3"); });
  EXPECT_TRUE(absl::IsFailedPrecondition(snapshotter_->Remove("b")));
  EXPECT_THAT(TreeOfSnapshot("c"), ElementsAre("one=1", "three=3", "two=2"));
  for (const char* name : {"c", "b", "a"}) EXPECT_TRUE(snapshotter_->Remove(name).ok());
}

TEST_F(SnapshotFilesTest, WhatIsMountedGoesOnAfterItsRemoval) {
  AddLayer("base", "", [](const std::string& at) { Write(at + "/file", "1"); });
  WhileMounted(Prepare("key", "base"), [&](const std::string& at) {
    std::ifstream open(at + "/file");
    EXPECT_TRUE(snapshotter_->Remove("key").ok());
    EXPECT_TRUE(Cleanup().ok());
    std::string text;
    open >> text;
    EXPECT_EQ(text, "1");
  });
}

}  // namespace
}  // namespace lacuna
