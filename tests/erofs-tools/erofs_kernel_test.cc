// What WriteErofs makes, as the real kernel and fsck.erofs see it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <set>

#include "absl/strings/match.h"
#include "erofs-tools/erofs_writer.h"
#include "tests/erofs-tools/command.h"
#include "tests/erofs-tools/mounted_tree.h"
#include "tests/erofs-tools/random_tree.h"
#include "tests/fakes/scoped_mount.h"
#include "tests/fakes/temp_dir.h"

namespace lacuna {
namespace {

class ErofsKernelTest : public testing::Test {
 protected:
  ErofsKernelTest() { mkdir(MountPoint().c_str(), 0700); }

  std::string MountPoint() const { return folder_ / "mnt"; }
  std::string ImagePath() const { return folder_ / "image"; }
  std::string DevicePath(size_t device) const { return folder_ / absl::StrCat("device", device); }

  // Writes the image and devices of `blocks` blocks each, and has fsck.erofs and dump.erofs look at it.
  void Make(const FileTree& tree, const std::vector<uint64_t>& blocks) {
    std::vector<ErofsDevice> devices;
    std::string options;
    for (size_t i = 0; i < blocks.size(); ++i) {
      devices.push_back({absl::StrCat("tag", i), blocks[i] * kBlockSize});
      std::ofstream(DevicePath(i), std::ios::binary)
          << DeviceBytes(static_cast<uint16_t>(i), 0, blocks[i] * kBlockSize);
      absl::StrAppend(&options, " --device=", DevicePath(i));
      absl::StrAppend(&mount_options_, i == 0 ? "" : ",", "device=", DevicePath(i));
    }
    const auto image = WriteErofs(tree, devices);
    ASSERT_TRUE(image.ok()) << image.status();
    std::ofstream(ImagePath(), std::ios::binary) << *image;
    if (!HasProgram("fsck.erofs")) return;
    // It needs some 5 KiB of stack for each level.
    const CommandResult checked =
        RunCommand(absl::StrCat("ulimit -s unlimited; fsck.erofs", options, " ", ImagePath()));
    EXPECT_EQ(checked.status, 0) << checked.output;
    const CommandResult dumped = RunCommand(absl::StrCat("dump.erofs -s", options, " ", ImagePath()));
    EXPECT_EQ(dumped.status, 0) << dumped.output;
  }

  // Mounts it and hands the mount point to `look`.
  template <typename Look>
  void Mounted(const Look& look) {
    const ScopedMount mounted(ImagePath(), MountPoint(), "erofs", MS_RDONLY, mount_options_);
    if (!mounted.status().ok()) {
      ASSERT_NE(geteuid(), 0) << mounted.status();
      GTEST_SKIP() << "needs root to mount";
    }
    look(MountPoint());
  }

  const DiskFolder folder_;
  std::string mount_options_;
};

TEST_F(ErofsKernelTest, RandomTreesAreEqual) {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<uint64_t> blocks = {300, 1000};
    const FileTree tree = RandomTree(seed, blocks).Make(400);
    mount_options_.clear();
    Make(tree, blocks);
    Mounted([&](const std::string& path) { MountedTree(tree).Compare(path); });
  }
}

TEST_F(ErofsKernelTest, AHundredThousandNamesInOneDirectory) {
  FileTree tree;
  const NodeId directory = AddTo(tree, FileTree::kRoot, "many", DirectoryNode());
  for (int i = 0; i < 100'000; ++i) AddTo(tree, directory, absl::StrCat("name-", i), FileOf(0, {}));
  Make(tree, {});
  Mounted([&](const std::string& path) { MountedTree(tree).Compare(path); });
}

TEST_F(ErofsKernelTest, NamesAroundTheEdgesOfDirectoryBlocks) {
  FileTree tree;
  for (size_t last = 1; last <= 255; ++last) {
    const NodeId directory = AddTo(tree, FileTree::kRoot, absl::StrCat("d", last), DirectoryNode());
    for (int i = 0; i < 30; ++i) {
      AddTo(tree, directory, absl::StrCat(10 + i, std::string(250, 'x')), FileOf(0, {}));
    }
    AddTo(tree, directory, std::string(last, 'z'), FileOf(0, {}));
    AddTo(tree, directory, "!before the dots", FileOf(0, {}));
  }
  Make(tree, {});
  Mounted([&](const std::string& path) { MountedTree(tree).Compare(path); });
}

// readdir(3) hides entries with inode number 0: with 23 devices the first inode begins a block.
TEST_F(ErofsKernelTest, NoInodeIsNumberZero) {
  for (const size_t devices : {22, 23, 24}) {
    FileTree tree;
    AddTo(tree, FileTree::kRoot, "file", FileOf(1, {{0, 0, kBlockSize, 5}}));
    mount_options_.clear();
    Make(tree, std::vector<uint64_t>(devices, 1));
    Mounted([&](const std::string& path) { MountedTree(tree).Compare(path); });
  }
}

TEST_F(ErofsKernelTest, TwoThousandLevels) {
  FileTree tree;
  NodeId directory = FileTree::kRoot;
  for (int i = 0; i < 2000; ++i) directory = AddTo(tree, directory, "deep", DirectoryNode());
  AddTo(tree, directory, "file", FileOf(5, {{0, 0, kBlockSize, 0}}));
  Make(tree, {1});
  Mounted([&](const std::string& path) {
    UniqueFd at(open(path.c_str(), O_RDONLY | O_DIRECTORY));
    for (int i = 0; i < 2000; ++i) at = UniqueFd(openat(at.get(), "deep", O_RDONLY | O_DIRECTORY));
    const UniqueFd file(openat(at.get(), "file", O_RDONLY));
    char bytes[8];
    ASSERT_EQ(read(file.get(), bytes, sizeof(bytes)), 5);
    EXPECT_EQ(std::string(bytes, 5), DeviceBytes(0, 0, 5));
  });
}

TEST_F(ErofsKernelTest, XattrsOfEverySize) {
  FileTree tree;
  for (int i = 0; i < 300; ++i) {
    FileNode node = FileOf(0, {});
    // More shared ones than an inode can refer to, and one that is its own.
    for (int k = 0; k < i; ++k) node.xattrs.push_back({absl::StrCat("user.shared", k), "common value"});
    node.xattrs.push_back({"user.x", std::string(static_cast<size_t>(i) * 13, 'v')});
    AddTo(tree, FileTree::kRoot, absl::StrCat(i), node);
  }
  FileNode long_value = FileOf(0, {});
  long_value.xattrs = {{"user." + std::string(249, 'n'), std::string(65535, 'v')}};
  AddTo(tree, FileTree::kRoot, "long", long_value);
  Make(tree, {});
  Mounted([&](const std::string& path) { MountedTree(tree).Compare(path); });
}

TEST_F(ErofsKernelTest, SparseAndHugeFiles) {
  FileTree tree;
  const uint64_t huge = uint64_t{1} << 45;
  AddTo(tree, FileTree::kRoot, "hole", FileOf(huge, {}));
  AddTo(tree, FileTree::kRoot, "end", FileOf(huge + 5, {{huge, 0, kBlockSize, 0}}));
  AddTo(tree, FileTree::kRoot, "begin", FileOf((huge >> 10) + 5, {{0, 8 * kBlockSize, 16 << 20, 0}}));
  AddTo(
      tree, FileTree::kRoot, "odd",
      FileOf(99 * kBlockSize + 1, {{0, kBlockSize, 3 * kBlockSize, 0}, {99 * kBlockSize, 0, kBlockSize, 0}}));
  // Two extents that are one.
  AddTo(tree, FileTree::kRoot, "split",
        FileOf(5 * kBlockSize,
               {{0, kBlockSize, 3 * kBlockSize, 0}, {3 * kBlockSize, 4 * kBlockSize, 2 * kBlockSize, 0}}));
  Make(tree, {5000});
  Mounted([&](const std::string& path) { MountedTree(tree).Compare(path); });
}

}  // namespace
}  // namespace lacuna
