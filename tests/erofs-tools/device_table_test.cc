#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "erofs-tools/erofs_metadata.h"
#include "erofs-tools/tiny_image.h"
#include "tests/erofs-tools/image_edit.h"

namespace lacuna {
namespace {

namespace field = superblock_field;
using testing::ElementsAre;
using testing::HasSubstr;

struct Slot {
  std::string tag;
  uint64_t blocks;
  uint64_t mapped;
};

// A tiny image of `size` bytes with a device table at `slot` times 128 bytes.
std::string WithDevices(const std::vector<Slot>& slots, uint16_t slot, size_t size,
                        uint32_t more_features = 0) {
  std::string image = TinyErofsImage("file", "content");
  image.resize(size);
  for (size_t i = 0; i < slots.size(); ++i) {
    const absl::Span<char> bytes =
        absl::MakeSpan(image).subspan((slot + i) * kDeviceSlotSize, kDeviceSlotSize);
    std::copy(slots[i].tag.begin(), slots[i].tag.end(), bytes.begin());
    StoreLittleEndian<uint32_t>(static_cast<uint32_t>(slots[i].blocks), bytes, 64);
    StoreLittleEndian<uint32_t>(static_cast<uint32_t>(slots[i].mapped), bytes, 68);
    StoreLittleEndian<uint16_t>(static_cast<uint16_t>(slots[i].blocks >> 32), bytes, 72);
    StoreLittleEndian<uint16_t>(static_cast<uint16_t>(slots[i].mapped >> 32), bytes, 74);
  }
  Poke<uint32_t>(image, field::kFeatureIncompat, kFeatureDeviceTable | more_features);
  Poke<uint16_t>(image, field::kExtraDevices, static_cast<uint16_t>(slots.size()));
  Poke<uint16_t>(image, field::kDeviceTableSlot, slot);
  FixChecksum(image);
  return image;
}

// Reads an image and counts the reads.
struct CountingReader {
  std::string image;
  std::vector<ByteRange> reads;

  absl::StatusOr<ErofsMetadata> Read() {
    return ReadErofsMetadata(image.size(), [this](const ByteRange& range) -> absl::StatusOr<std::string> {
      reads.push_back(range);
      return image.substr(range.offset, range.length);
    });
  }
};

TEST(DeviceTable, TagsLengthsAndPlacesInOrder) {
  CountingReader reader{WithDevices({{"first", 10, 3}, {std::string(64, 'x'), 20, 13}}, 20, 12288)};
  const absl::StatusOr<ErofsMetadata> metadata = reader.Read();
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  ASSERT_EQ(metadata->devices.size(), 2);
  EXPECT_EQ(metadata->devices[0].tag, "first");
  EXPECT_EQ(metadata->devices[0].blocks, 10);
  EXPECT_EQ(metadata->devices[0].mapped_block, 3);
  EXPECT_EQ(metadata->devices[1].tag, std::string(64, 'x'));
  EXPECT_EQ(metadata->devices[1].blocks, 20);
  EXPECT_EQ(metadata->devices[1].mapped_block, 13);
  EXPECT_THAT(reader.reads, ElementsAre(ByteRange{0, 12288}));
}

TEST(DeviceTable, HighBitsCountWith48BitOnly) {
  const std::vector<Slot> slots = {{"d", 0x123400000005, 0x432100000006}};
  EXPECT_EQ((CountingReader{WithDevices(slots, 20, 12288)}.Read())->devices[0].blocks, 5);
  const auto wide = CountingReader{WithDevices(slots, 20, 12288, kFeature48Bit)}.Read();
  EXPECT_EQ(wide->devices[0].blocks, 0x123400000005);
  EXPECT_EQ(wide->devices[0].mapped_block, 0x432100000006);
}

TEST(DeviceTable, FarFromTheSuperblockItCostsASecondRead) {
  CountingReader reader{WithDevices({{"far", 1, 1}}, 2000, 300000)};
  EXPECT_EQ((*reader.Read()).devices[0].tag, "far");
  EXPECT_THAT(reader.reads, ElementsAre(ByteRange{0, 65536}, ByteRange{256000, 128}));
}

TEST(DeviceTable, AcrossTheEndOfTheFirstReadItIsReadWhole) {
  CountingReader reader{WithDevices({{"a", 1, 1}, {"b", 1, 2}}, 511, 300000)};
  EXPECT_EQ((*reader.Read()).devices[1].tag, "b");
  EXPECT_THAT(reader.reads, ElementsAre(ByteRange{0, 65536}, ByteRange{511 * 128, 256}));
}

TEST(DeviceTable, OutsideTheImageItIsRefused) {
  CountingReader reader{WithDevices({}, 20, 12288)};
  Poke<uint16_t>(reader.image, field::kExtraDevices, 65535);
  FixChecksum(reader.image);
  EXPECT_THAT(std::string(reader.Read().status().message()), HasSubstr("outside the image"));
  Poke<uint16_t>(reader.image, field::kExtraDevices, 1);
  Poke<uint16_t>(reader.image, field::kDeviceTableSlot, 12288 / 128 - 1);
  FixChecksum(reader.image);
  EXPECT_TRUE(reader.Read().ok());
  Poke<uint16_t>(reader.image, field::kDeviceTableSlot, 12288 / 128);
  FixChecksum(reader.image);
  EXPECT_FALSE(reader.Read().ok());
}

TEST(DeviceTable, WithoutTheFeatureThereAreNoDevices) {
  CountingReader reader{WithDevices({{"d", 1, 1}}, 20, 12288)};
  Poke<uint32_t>(reader.image, field::kFeatureIncompat, 0);
  FixChecksum(reader.image);
  EXPECT_TRUE(reader.Read()->devices.empty());
}

TEST(DeviceTable, BytesOfAnotherLengthAreRefused) {
  const Superblock superblock{.device_count = 2, .device_table_slot = 9};
  EXPECT_FALSE(ParseDeviceTable(superblock, std::string(255, 'x')).ok());
  EXPECT_FALSE(ParseDeviceTable(superblock, std::string(257, 'x')).ok());
  EXPECT_TRUE(ParseDeviceTable(superblock, std::string(256, 'x')).ok());
}

TEST(ErofsMetadata, AnEmptyFileIsNoErofsAndIsNotRead) {
  CountingReader reader;
  EXPECT_FALSE(reader.Read().ok());
  EXPECT_TRUE(reader.reads.empty());
}

}  // namespace
}  // namespace lacuna
