#include "daemon/snapshotter/snapshot_folders.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "daemon/base/unique_fd.h"
#include "daemon/snapshotter/snapshot_sweeper.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

class SnapshotFoldersTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<SnapshotFolders>> folders =
        SnapshotFolders::Open(root_.path(), run_.path());
    ASSERT_TRUE(folders.ok()) << folders.status();
    folders_ = *std::move(folders);
  }
  void Write(const std::string& path, size_t bytes) { std::ofstream(path) << std::string(bytes, 'x'); }

  const DiskFolder root_;
  const TempDir run_;
  std::unique_ptr<SnapshotFolders> folders_;
};

mode_t ModeOf(const std::string& path) {
  struct stat found = {};
  EXPECT_EQ(stat(path.c_str(), &found), 0) << path;
  return found.st_mode & 07777;
}

TEST_F(SnapshotFoldersTest, AFolderHasThePartsOfAnOverlay) {
  const mode_t mask = umask(077);
  ASSERT_TRUE(folders_->Make(7, /*writable=*/true, {.uid = geteuid(), .gid = getegid()}).ok());
  umask(mask);
  EXPECT_EQ(folders_->Upper(7), root_ / "snapshots/7/fs");
  EXPECT_EQ(ModeOf(folders_->Upper(7)), 0755u) << "whatever the umask";
  EXPECT_EQ(ModeOf(folders_->Work(7)), 0711u);
  ASSERT_TRUE(folders_->Make(8, /*writable=*/false, {.uid = geteuid(), .gid = getegid()}).ok());
  EXPECT_FALSE(std::filesystem::exists(folders_->Work(8)));
  EXPECT_FALSE(folders_->Make(8, false, {}).ok()) << "a number is never used twice";
}

TEST_F(SnapshotFoldersTest, UsageIsWhatTheDiskHas) {
  ASSERT_TRUE(folders_->Make(1, true, {.uid = geteuid(), .gid = getegid()}).ok());
  const std::string upper = folders_->Upper(1);
  const SnapshotUsage empty = *folders_->UsageOf(1);
  EXPECT_EQ(empty.inodes, 1) << "the root";
  Write(upper + "/file", 64 << 10);
  std::filesystem::create_hard_link(upper + "/file", upper + "/again");
  Write(upper + "/sparse", 1);
  std::filesystem::resize_file(upper + "/sparse", 1 << 30);
  std::filesystem::create_symlink("nowhere", upper + "/link");
  sync();  // blocks are counted when they are allocated
  const SnapshotUsage usage = *folders_->UsageOf(1);
  EXPECT_EQ(usage.inodes, 4) << "two names of one file are one";
  EXPECT_GE(usage.bytes - empty.bytes, 64 << 10);
  EXPECT_LT(usage.bytes - empty.bytes, 1 << 20) << "holes take nothing";
}

// Deeper than a path may be long.
TEST_F(SnapshotFoldersTest, DeepTreesAreCountedAndRemoved) {
  constexpr int kDepth = 600;
  ASSERT_TRUE(folders_->Make(1, true, {.uid = geteuid(), .gid = getegid()}).ok());
  const std::string name(200, 'd');
  UniqueFd folder(open(folders_->Upper(1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (int i = 0; i < kDepth; ++i) {
    ASSERT_EQ(mkdirat(folder.get(), name.c_str(), 0700), 0);
    folder.Reset(openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    ASSERT_TRUE(folder.valid());
  }
  folder.Reset();
  const absl::StatusOr<SnapshotUsage> usage = folders_->UsageOf(1);
  ASSERT_TRUE(usage.ok()) << usage.status();
  EXPECT_EQ(usage->inodes, kDepth + 1);
  ASSERT_TRUE(folders_->Remove(1).ok());
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "snapshots"));
  EXPECT_TRUE(folders_->Remove(1).ok()) << "what is gone can be removed again";
}

TEST_F(SnapshotFoldersTest, TheSweeperRemovesAndReturnsNumbers) {
  const auto db = SnapshotDb::Open(root_ / "snapshots.db");
  ASSERT_TRUE(db.ok()) << db.status();
  SnapshotSweeper sweeper(**db, *folders_);
  for (int i = 0; i < 20; ++i) {
    const int64_t number = *(*db)->TakeNumber();
    ASSERT_TRUE(folders_->Make(number, true, {.uid = geteuid(), .gid = getegid()}).ok());
    sweeper.Sweep(number);
  }
  ASSERT_TRUE(sweeper.Wait([] { return false; }).ok());
  EXPECT_TRUE(std::filesystem::is_empty(root_ / "snapshots"));
  EXPECT_TRUE((*db)->Leftovers()->empty());
}

TEST_F(SnapshotFoldersTest, NobodyHasToWaitForTheSweeper) {
  const auto db = SnapshotDb::Open(root_ / "snapshots.db");
  ASSERT_TRUE(db.ok()) << db.status();
  SnapshotSweeper sweeper(**db, *folders_);
  const int64_t number = *(*db)->TakeNumber();
  ASSERT_TRUE(folders_->Make(number, true, {.uid = geteuid(), .gid = getegid()}).ok());
  for (int i = 0; i < 3000; ++i) Write(folders_->Upper(number) + "/" + std::to_string(i), 0);
  sweeper.Sweep(number);
  const absl::Status status = sweeper.Wait([] { return true; });
  EXPECT_TRUE(status.ok() || absl::IsCancelled(status)) << status;
}

}  // namespace
}  // namespace lacuna
