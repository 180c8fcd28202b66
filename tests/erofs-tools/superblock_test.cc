#include "erofs-tools/superblock.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tiny_image.h"
#include "tests/erofs-tools/image_edit.h"

namespace lacuna {
namespace {

namespace field = superblock_field;
using testing::ElementsAre;
using testing::HasSubstr;

std::string Tiny() {
  return TinyErofsImage("file", "content");
}

absl::StatusOr<Superblock> Parse(const std::string& image) {
  return ParseSuperblock(image, image.size());
}

std::string ErrorOf(const std::string& image) {
  return std::string(Parse(image).status().message());
}

// RFC 3720 appendix B.4, complemented.
TEST(Crc32c, IsTheKernels) {
  EXPECT_EQ(~Crc32c(~0u, std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(~Crc32c(~0u, std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(~Crc32c(~0u, std::string("123456789")), 0xe3069283u);
}

TEST(Superblock, EveryFieldIsRead) {
  std::string image = Tiny();
  Poke<uint64_t>(image, field::kInodes, 0x1122334455667788);
  Poke<uint64_t>(image, field::kEpoch, 1'700'000'000);
  Poke<uint32_t>(image, field::kBuildTime, 5);
  Poke<uint32_t>(image, field::kMetaBlock, 7);
  Poke<uint32_t>(image, field::kXattrBlock, 8);
  Poke<uint64_t>(image, field::kUuid, 0xefcdab8967452301);
  Poke<uint64_t>(image, field::kVolumeName, 0x656d616e);  // "name"
  Poke<uint32_t>(image, field::kFeatureCompat, kFeatureChecksum | 2);
  Poke<uint32_t>(image, field::kFeatureIncompat, 4);
  FixChecksum(image);
  const absl::StatusOr<Superblock> parsed = Parse(image);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->block_size, 4096);
  EXPECT_EQ(parsed->blocks, 3);
  EXPECT_EQ(parsed->inodes, 0x1122334455667788);
  EXPECT_EQ(parsed->root_nid, 36);
  EXPECT_EQ(parsed->build_time, 1'700'000'005);
  EXPECT_EQ(parsed->meta_block, 7);
  EXPECT_EQ(parsed->xattr_block, 8);
  EXPECT_EQ(parsed->UuidText(), "01234567-89ab-cdef-0000-000000000000");
  EXPECT_EQ(parsed->volume_name, "name");
  EXPECT_THAT(CompatFeatureNames(parsed->feature_compat), ElementsAre("sb_chksum", "mtime"));
  EXPECT_THAT(IncompatFeatureNames(parsed->feature_incompat), ElementsAre("chunked_file"));
  EXPECT_TRUE(parsed->DeviceTableRange().empty());
}

TEST(Superblock, AVolumeNameMayFillItsField) {
  std::string image = Tiny();
  image.replace(kSuperblockOffset + field::kVolumeName, 16, "0123456789abcdef");
  FixChecksum(image);
  EXPECT_EQ(Parse(image)->volume_name, "0123456789abcdef");
}

TEST(Superblock, WhatIsNoErofsIsRefused) {
  EXPECT_THAT(ErrorOf(""), HasSubstr("not an EROFS image: too short"));
  EXPECT_THAT(ErrorOf(Tiny().substr(0, 1024 + 127)), HasSubstr("too short"));
  EXPECT_THAT(ErrorOf(std::string(4096, '\0')), HasSubstr("no EROFS magic"));
}

TEST(Superblock, AWrongChecksumIsAnIntegrityError) {
  std::string image = Tiny();
  image[4095] ^= 1;  // the last byte that it covers
  EXPECT_TRUE(IsIntegrityError(Parse(image).status()));
  image[4095] ^= 1;
  image[4096] ^= 1;  // the first that it does not
  EXPECT_TRUE(Parse(image).ok());
  image[kSuperblockOffset - 1] ^= 1;  // a boot sector may be there
  EXPECT_TRUE(Parse(image).ok());
}

TEST(Superblock, WithoutTheFeatureThereIsNoChecksum) {
  std::string image = Tiny();
  Poke<uint32_t>(image, field::kFeatureCompat, 0);
  Poke<uint32_t>(image, field::kChecksum, 12345);
  EXPECT_TRUE(Parse(image).ok());
}

TEST(Superblock, BlockSizesFrom512To65536) {
  for (int bits = 0; bits < 256; ++bits) {
    std::string image = Tiny();
    image.resize(size_t{3} << 16);
    Poke<uint8_t>(image, field::kBlockSizeBits, static_cast<uint8_t>(bits));
    const bool known = bits >= 9 && bits <= 16;
    if (known) FixChecksum(image, size_t{1} << bits);
    const absl::StatusOr<Superblock> parsed = Parse(image);
    ASSERT_EQ(parsed.ok(), known) << bits;
    if (known) {
      EXPECT_EQ(parsed->block_size, 1u << bits);
    } else {
      EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("block size"));
    }
  }
}

TEST(Superblock, UnknownFeaturesAreNamed) {
  std::string image = Tiny();
  Poke<uint32_t>(image, field::kFeatureIncompat, 1u << 9 | 1u << 31 | 1);
  FixChecksum(image);
  EXPECT_THAT(ErrorOf(image), HasSubstr("does not know: bit 9, bit 31;"));
  Poke<uint32_t>(image, field::kFeatureIncompat, kKnownIncompat & ~kFeatureDeviceTable);
  FixChecksum(image);
  EXPECT_TRUE(Parse(image).ok()) << ErrorOf(image);
  Poke<uint32_t>(image, field::kFeatureCompat, 0xffffffff);  // those that any kernel may ignore
  FixChecksum(image);
  EXPECT_TRUE(Parse(image).ok()) << ErrorOf(image);
}

TEST(Superblock, KnowsCompressionAndChunksByItsFeatures) {
  for (uint32_t bit = 0; bit < 9; ++bit) {
    const bool of_compression = bit == 0 || bit == 1 || bit == 4 || bit == 5;
    EXPECT_EQ(Superblock{.feature_incompat = 1U << bit}.HasCompressedData(), of_compression) << bit;
    EXPECT_EQ(Superblock{.feature_incompat = 1U << bit}.HasChunkedFiles(), bit == 2) << bit;
  }
  EXPECT_FALSE(Superblock{}.HasCompressedData());
  EXPECT_FALSE(Superblock{}.HasChunkedFiles());
}

TEST(Superblock, DirectoryBlocksLargerThanBlocksAreRefused) {
  std::string image = Tiny();
  Poke<uint8_t>(image, field::kDirBlockBits, 1);
  FixChecksum(image);
  EXPECT_THAT(ErrorOf(image), HasSubstr("directory blocks"));
}

TEST(Superblock, ExtensionSlotsMustFit) {
  std::string image = Tiny();
  Poke<uint8_t>(image, field::kExtensionSlots, (4096 - 1024 - 128) / 16);
  FixChecksum(image);
  EXPECT_TRUE(Parse(image).ok());
  Poke<uint8_t>(image, field::kExtensionSlots, (4096 - 1024 - 128) / 16 + 1);
  FixChecksum(image);
  EXPECT_FALSE(Parse(image).ok());
  image.resize(1024 + 128 + 15);
  Poke<uint8_t>(image, field::kExtensionSlots, 1);
  EXPECT_FALSE(Parse(image).ok());
}

TEST(Superblock, AnImageThatIsCutShortIsRefused) {
  const std::string image = Tiny();
  EXPECT_TRUE(ParseSuperblock(absl::MakeConstSpan(image).first(4096), image.size()).ok());
  const absl::Status status = ParseSuperblock(image, image.size() - 1).status();
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("cut short: 12287 bytes, but its superblock says 3 blocks"));
  EXPECT_THAT(
      std::string(ParseSuperblock(absl::MakeConstSpan(image).first(4095), image.size()).status().message()),
      HasSubstr("first block"));
}

TEST(Superblock, Wide48BitFields) {
  std::string image = Tiny();
  Poke<uint32_t>(image, field::kFeatureIncompat, kFeature48Bit);
  Poke<uint16_t>(image, field::kRootNid, 1);  // blocks, above 32 bits
  Poke<uint64_t>(image, field::kRootNid48, 0x123456789a);
  FixChecksum(image);
  const absl::StatusOr<Superblock> parsed = ParseSuperblock(image, uint64_t{1} << 60);
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->blocks, (uint64_t{1} << 32) + 3);
  EXPECT_EQ(parsed->root_nid, 0x123456789a);
  Poke<uint64_t>(image, field::kRootNid48, 0);  // then the narrow ones hold, as for the kernel
  FixChecksum(image);
  EXPECT_EQ(Parse(image)->blocks, 3);
  EXPECT_EQ(Parse(image)->root_nid, 1);
}

TEST(Superblock, NoMutationCrashesOrLies) {
  const auto seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  const std::string original = Tiny();
  for (int round = 0; round < 5000; ++round) {
    std::string image = original;
    for (int i = 0; i < 4; ++i) image[kSuperblockOffset + random() % 128] = static_cast<char>(random());
    if (random() % 2 == 0) image.resize(random() % image.size());
    if (random() % 2 == 0 && image.size() >= 4096) FixChecksum(image);
    const absl::StatusOr<Superblock> parsed = Parse(image);
    if (!parsed.ok()) continue;
    EXPECT_LE(parsed->blocks * parsed->block_size, image.size());
    EXPECT_LE(parsed->DeviceTableRange().end(), image.size());
  }
}

}  // namespace
}  // namespace lacuna
