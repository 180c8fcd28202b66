#include "erofs-tools/layer/device_layout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/status/status.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint64_t kMiB = 1024 * 1024;
constexpr uint64_t kGiB = 1024 * kMiB;

TarEntry File(uint64_t size, std::vector<ByteRange> segments) {
  TarEntry entry;
  entry.path = "a/file";
  entry.size = size;
  entry.segments = std::move(segments);
  return entry;
}

TarEntry File(uint64_t size) {
  return size == 0 ? File(0, {}) : File(size, {{0, size}});
}

TEST(DeviceLayout, FilesTakeWholeBlocksInTarOrder) {
  DeviceLayout layout;
  const auto first = layout.Place(File(1), 512);
  EXPECT_THAT(first->extents, ElementsAre(DataExtent{0, 0, 4096}));
  EXPECT_THAT(first->pieces, ElementsAre(DevicePiece{0, 512, 1}));
  const auto empty = layout.Place(File(0), 1536);
  EXPECT_THAT(empty->extents, IsEmpty());
  EXPECT_THAT(empty->pieces, IsEmpty());
  const auto second = layout.Place(File(8192), 2048);
  EXPECT_THAT(second->extents, ElementsAre(DataExtent{0, 4096, 8192}));
  EXPECT_THAT(second->pieces, ElementsAre(DevicePiece{4096, 2048, 8192}));
  EXPECT_EQ(layout.device_size(), 12288);
}

TEST(DeviceLayout, OfASparseFileTheBlocksThatHoldStoredBytesAreThere) {
  DeviceLayout layout;
  // Two in one block, one over two blocks that joins, one apart, at the end.
  const auto file = layout.Place(File(100'000, {{10, 5}, {4000, 10}, {4096, 4097}, {99'990, 10}}), 1024);
  EXPECT_THAT(file->extents, ElementsAre(DataExtent{0, 0, 12288}, DataExtent{98304, 12288, 4096}));
  EXPECT_THAT(file->pieces,
              ElementsAre(DevicePiece{10, 1024, 5}, DevicePiece{4000, 1029, 10},
                          DevicePiece{4096, 1039, 4097}, DevicePiece{12288 + 99'990 - 98304, 5136, 10}));
}

TEST(DeviceLayout, AFileThatIsAllHolesTakesNothing) {
  DeviceLayout layout;
  EXPECT_THAT(layout.Place(File(kGiB, {}), 0)->extents, IsEmpty());
  EXPECT_EQ(layout.device_size(), 0);
}

TEST(DeviceLayout, LargeSparseFilesHaveLargerUnits) {
  DeviceLayout layout;
  // 128 MiB are 32,768 blocks, one byte more are not.
  EXPECT_THAT(layout.Place(File(128 * kMiB, {{5000, 1}}), 0)->extents,
              ElementsAre(DataExtent{4096, 0, 4096}));
  EXPECT_THAT(layout.Place(File(128 * kMiB + 1, {{5000, 1}}), 0)->extents,
              ElementsAre(DataExtent{0, 4096, 8192}));
  EXPECT_THAT(layout.Place(File(kGiB, {{kGiB - 1, 1}}), 0)->extents,
              ElementsAre(DataExtent{kGiB - 32768, 12288, 32768}));
}

TEST(DeviceLayout, TheLastUnitEndsWithTheBlockThatHoldsTheFilesEnd) {
  DeviceLayout layout;
  EXPECT_THAT(layout.Place(File(128 * kMiB + 1, {{128 * kMiB, 1}}), 0)->extents,
              ElementsAre(DataExtent{128 * kMiB, 0, 4096}));
}

TEST(DeviceLayout, ADeviceHasATerabyteAtMost) {
  DeviceLayout layout;
  ASSERT_TRUE(layout.Place(File(1024 * kGiB), 0).ok());
  const auto more = layout.Place(File(1), 0);
  EXPECT_EQ(more.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(more.status().message()), HasSubstr("a/file: "));
  EXPECT_FALSE(DeviceLayout().Place(File(1024 * kGiB + 1), 0).ok());
  EXPECT_FALSE(DeviceLayout().Place(File(UINT64_MAX, {{UINT64_MAX - 1, 1}}), 0).ok());
}

TEST(DeviceLayout, PiecesHaveALimit) {
  std::vector<ByteRange> segments(kMaxDevicePieces);
  for (uint64_t i = 0; i < segments.size(); ++i) segments[i] = {2 * i, 1};
  DeviceLayout layout;
  ASSERT_TRUE(layout.Place(File(kGiB, std::move(segments)), 0).ok());
  EXPECT_EQ(layout.Place(File(1), 0).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace lacuna
