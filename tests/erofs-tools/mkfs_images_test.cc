// The superblocks that mkfs.erofs makes, against what dump.erofs says of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "erofs-tools/erofs_metadata.h"
#include "tests/erofs-tools/command.h"

namespace lacuna {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string FileBytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
}

class MkfsImagesTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasProgram("mkfs.erofs") || !HasProgram("dump.erofs")) GTEST_SKIP() << "needs erofs-utils";
    std::string folder = testing::TempDir() + "mkfs_images.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::filesystem::create_directories(folder_ + "/tree/sub");
    std::ofstream(folder_ + "/tree/text") << std::string(100'000, 'a');
    std::ofstream(folder_ + "/tree/sub/small") << "small";
    std::filesystem::create_symlink("text", folder_ + "/tree/link");
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  // Makes an image and compares what lacuna and dump.erofs read from it.
  ErofsMetadata Make(const std::string& options, const std::string& dump_options = "") {
    const std::string image = folder_ + "/image";
    const CommandResult made =
        RunCommand(absl::StrCat("mkfs.erofs ", options, " ", image, " ", folder_, "/tree"));
    EXPECT_EQ(made.status, 0) << made.output;
    const std::string bytes = FileBytes(image);
    const auto metadata = ReadErofsMetadata(bytes.size(), [&](const ByteRange& range) {
      return absl::StatusOr<std::string>(bytes.substr(range.offset, range.length));
    });
    EXPECT_TRUE(metadata.ok()) << metadata.status();
    if (metadata.ok())
      Compare(metadata->superblock, RunCommand(absl::StrCat("dump.erofs ", dump_options, " ", image)).output);
    return metadata.value_or(ErofsMetadata());
  }

  static void Compare(const Superblock& superblock, const std::string& dump) {
    const auto line = [](absl::string_view name, const std::string& value) {
      return testing::ContainsRegex(absl::StrCat(name, ": +", value, "\n"));
    };
    EXPECT_THAT(dump, line("Filesystem blocks", absl::StrCat(superblock.blocks)));
    EXPECT_THAT(dump, line("Filesystem inode metadata start block", absl::StrCat(superblock.meta_block)));
    EXPECT_THAT(dump,
                line("Filesystem shared xattr metadata start block", absl::StrCat(superblock.xattr_block)));
    EXPECT_THAT(dump, line("Filesystem root nid", absl::StrCat(superblock.root_nid)));
    EXPECT_THAT(dump, line("Filesystem inode count", absl::StrCat(superblock.inodes)));
    EXPECT_THAT(dump, line("Filesystem UUID", superblock.UuidText()));
  }

  std::string folder_;
};

TEST_F(MkfsImagesTest, Plain) {
  const ErofsMetadata image = Make("-T1234567890 -U 01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(image.superblock.build_time, 1234567890);
  EXPECT_EQ(image.superblock.UuidText(), "01234567-89ab-cdef-0123-456789abcdef");
  EXPECT_EQ(image.superblock.inodes, 5);
  EXPECT_THAT(CompatFeatureNames(image.superblock.feature_compat), Contains("sb_chksum"));
  EXPECT_TRUE(image.devices.empty());
}

TEST_F(MkfsImagesTest, Compressed) {
  const ErofsMetadata image = Make("-zlz4hc");
  EXPECT_THAT(IncompatFeatureNames(image.superblock.feature_incompat), Contains("zero_padding"));
}

TEST_F(MkfsImagesTest, CompressedIntoBigClusters) {
  const ErofsMetadata image = Make("-zlz4hc -C65536 -Eztailpacking");
  EXPECT_THAT(IncompatFeatureNames(image.superblock.feature_incompat), Contains("compr_cfgs|big_pcluster"));
  EXPECT_TRUE(image.devices.empty());
}

TEST_F(MkfsImagesTest, ChunkedWithAnExternalBlob) {
  const ErofsMetadata image = Make(absl::StrCat("--chunksize=4096 --blobdev=", folder_, "/blob"),
                                   absl::StrCat("--device=", folder_, "/blob"));
  EXPECT_THAT(IncompatFeatureNames(image.superblock.feature_incompat),
              testing::IsSupersetOf({"chunked_file", "device_table|compr_head2"}));
  ASSERT_EQ(image.devices.size(), 1);
  EXPECT_LE(image.devices[0].blocks * image.superblock.block_size,
            std::filesystem::file_size(folder_ + "/blob"));
}

TEST_F(MkfsImagesTest, DamagedAnywhereInTheFirstBlockBehindTheSuperblock) {
  Make("");
  const std::string original = FileBytes(folder_ + "/image");
  for (size_t offset = 1024; offset < 4096; offset += 97) {
    std::string image = original;
    image[offset] ^= 0x40;
    EXPECT_FALSE(ParseSuperblock(image, image.size()).ok()) << offset;
  }
}

}  // namespace
}  // namespace lacuna
