#include "erofs-tools/layer/zero_holes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr uint64_t kKiB = 1024;

// A device whose chunks are 'x', or '0' where they are zero.
ChunkDigests Device(absl::string_view chunks) {
  ChunkDigests digests;
  for (const char chunk : chunks) digests.Append(std::string(kChunkSize, chunk == '0' ? '\0' : chunk));
  return digests;
}

std::vector<DataExtent> Cut(const ChunkDigests& chunks, uint64_t size, std::vector<DataExtent> extents) {
  FileTree tree;
  FileNode file;
  file.size = size;
  file.extents = std::move(extents);
  const NodeId id = *tree.Add(std::move(file));
  CutZeros(chunks, tree);
  return tree.node(id).extents;
}

TEST(ZeroHoles, WhatLiesInZeroChunksIsAHole) {
  EXPECT_THAT(Cut(Device("x0x"), 192 * kKiB, {{0, 0, 192 * kKiB}}),
              ElementsAre(DataExtent{0, 0, 64 * kKiB}, DataExtent{128 * kKiB, 128 * kKiB, 64 * kKiB}));
  EXPECT_THAT(Cut(Device("00"), 128 * kKiB, {{0, 0, 128 * kKiB}}), IsEmpty());
}

TEST(ZeroHoles, AFileWithoutZeroChunksStaysOneExtent) {
  EXPECT_THAT(Cut(Device("xxx0"), 100 * kKiB, {{0, 64 * kKiB, 100 * kKiB}}),
              ElementsAre(DataExtent{0, 64 * kKiB, 100 * kKiB}));
}

TEST(ZeroHoles, HolesAreWholeCellsOfTheFile) {
  // The file begins 4 KiB into the device: of chunk 1 it has 60 KiB to 124 KiB, of which cells are 64 to 112.
  EXPECT_THAT(Cut(Device("x0x"), 188 * kKiB, {{0, 4 * kKiB, 188 * kKiB}}),
              ElementsAre(DataExtent{0, 4 * kKiB, 64 * kKiB}, DataExtent{112 * kKiB, 116 * kKiB, 76 * kKiB}));
}

TEST(ZeroHoles, TheLastCellEndsWithTheFile) {
  EXPECT_THAT(Cut(Device("x0"), 68 * kKiB, {{0, 0, 68 * kKiB}}), ElementsAre(DataExtent{0, 0, 64 * kKiB}));
  EXPECT_THAT(Cut(Device("0"), 1, {{0, 8 * kKiB, 4 * kKiB}}), IsEmpty());
}

TEST(ZeroHoles, CellsOfLargeFilesAreLarger) {
  // 1 GiB: cells of 32 KiB. The file begins in the middle of a cell of zeros.
  constexpr uint64_t kGiB = kKiB * kKiB * kKiB;
  ChunkDigests device = Device("x0");
  for (int i = 0; i < 3; ++i) device.Append(std::string(kChunkSize, 'x'));
  EXPECT_THAT(
      Cut(device, kGiB, {{0, 16 * kKiB, kGiB}}),
      ElementsAre(DataExtent{0, 16 * kKiB, 64 * kKiB}, DataExtent{96 * kKiB, 112 * kKiB, kGiB - 96 * kKiB}));
}

TEST(ZeroHoles, OfASparseFileHolesAndZerosMakeACell) {
  // Blocks 0 and 3 of a cell are stored, both zero; so is block 4, which is not.
  EXPECT_THAT(Cut(Device("0x"), 1024 * kKiB,
                  {{0, 0, 4 * kKiB}, {12 * kKiB, 4 * kKiB, 4 * kKiB}, {32 * kKiB, 64 * kKiB, 4 * kKiB}}),
              ElementsAre(DataExtent{32 * kKiB, 64 * kKiB, 4 * kKiB}));
  EXPECT_THAT(Cut(Device("0x"), 1024 * kKiB, {{0, 0, 4 * kKiB}, {12 * kKiB, 64 * kKiB, 4 * kKiB}}),
              ElementsAre(DataExtent{0, 0, 4 * kKiB}, DataExtent{12 * kKiB, 64 * kKiB, 4 * kKiB}));
}

}  // namespace
}  // namespace lacuna
