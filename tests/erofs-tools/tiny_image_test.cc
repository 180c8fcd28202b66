// The tiny image, as the real kernel and fsck.erofs see it.
#include "erofs-tools/tiny_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "erofs-tools/superblock.h"
#include "tests/erofs-tools/command.h"

namespace lacuna {
namespace {

using testing::UnorderedElementsAre;

TEST(TinyImage, ParsesAndIsAlwaysTheSame) {
  const std::string image = TinyErofsImage("file", "content");
  EXPECT_EQ(image.size(), 12288);
  EXPECT_EQ(image, TinyErofsImage("file", "content"));
  const absl::StatusOr<Superblock> parsed = ParseSuperblock(image, image.size());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->blocks, 3);
  EXPECT_EQ(parsed->inodes, 2);
  EXPECT_EQ(parsed->feature_incompat, 0);  // any kernel with EROFS reads it
}

class TinyImageFileTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = testing::TempDir() + "tiny_image.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::filesystem::create_directory(MountPoint());
  }
  void TearDown() override {
    umount2(MountPoint().c_str(), MNT_DETACH);
    std::filesystem::remove_all(folder_);
  }

  std::string ImagePath() const { return folder_ + "/image"; }
  std::string MountPoint() const { return folder_ + "/mnt"; }
  void Write(const std::string& image) const { std::ofstream(ImagePath(), std::ios::binary) << image; }

  std::string folder_;
};

TEST_F(TinyImageFileTest, FsckFindsNothingWrong) {
  if (!HasProgram("fsck.erofs")) GTEST_SKIP() << "needs erofs-utils";
  for (const std::string& content : {std::string(), std::string("x"), std::string(10000, 'y')}) {
    Write(TinyErofsImage("some-file", content));
    const CommandResult checked = RunCommand("fsck.erofs --extract " + ImagePath());
    EXPECT_EQ(checked.status, 0) << checked.output;
  }
}

TEST_F(TinyImageFileTest, TheKernelReadsItsFile) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  if (!HasProgram("mount")) GTEST_SKIP() << "needs mount";
  // Names before and after "." and ".." in byte order; sizes around a block.
  for (const std::string& name : {std::string("hello"), std::string("-first"), std::string(255, 'n')}) {
    for (const size_t size : {0, 1, 4095, 4096, 4097, 20000}) {
      std::string content(size, '\0');
      for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 + i / 4096);
      Write(TinyErofsImage(name, content));
      const CommandResult mounted =
          RunCommand("mount -t erofs -o loop,ro " + ImagePath() + " " + MountPoint());
      ASSERT_EQ(mounted.status, 0) << mounted.output;
      std::vector<std::string> names;
      for (const auto& entry : std::filesystem::directory_iterator(MountPoint()))
        names.push_back(entry.path().filename());
      EXPECT_THAT(names, UnorderedElementsAre(name));
      std::ifstream file(MountPoint() + "/" + name, std::ios::binary);
      const std::string read((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
      EXPECT_TRUE(read == content) << name << " " << size;
      file.close();
      ASSERT_EQ(umount2(MountPoint().c_str(), 0), 0) << std::strerror(errno);
    }
  }
}

TEST_F(TinyImageFileTest, AKernelWithFileBackedMountsNeedsNoLoopDevice) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root to mount";
  Write(TinyErofsImage("hello", "world"));
  if (mount(ImagePath().c_str(), MountPoint().c_str(), "erofs", MS_RDONLY, nullptr) != 0) {
    GTEST_SKIP() << "no file-backed EROFS mounts here (Linux 6.12 has them): " << std::strerror(errno);
  }
  std::ifstream file(MountPoint() + "/hello");
  EXPECT_EQ(std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>()), "world");
}

}  // namespace
}  // namespace lacuna
