#include "daemon/base/byte_range.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(ByteRange, ChunksOfTouchesFirstAndLastByte) {
  EXPECT_EQ(ChunksOf({0, 1}), (ChunkRange{0, 1}));
  EXPECT_EQ(ChunksOf({kChunkSize - 1, 2}), (ChunkRange{0, 2}));
  EXPECT_EQ(ChunksOf({kChunkSize, kChunkSize}), (ChunkRange{1, 2}));
  EXPECT_TRUE(ChunksOf({123, 0}).empty());
}

TEST(ByteRange, BytesOfStopsAtTheObjectsEnd) {
  EXPECT_EQ(BytesOf({0, 1}, 10 * kChunkSize), (ByteRange{0, kChunkSize}));
  EXPECT_EQ(BytesOf({1, 2}, kChunkSize + 4096), (ByteRange{kChunkSize, 4096}));
  EXPECT_TRUE(BytesOf({5, 6}, kChunkSize).empty());
}

TEST(ByteRange, ContainsItsOwnEnds) {
  const ByteRange range{10, 10};
  EXPECT_TRUE(range.Contains(range));
  EXPECT_FALSE(range.Contains({9, 2}));
  EXPECT_FALSE(range.Contains({19, 2}));
}

TEST(ByteRange, IntersectionIsWhatBothHave) {
  EXPECT_EQ(Intersection({10, 10}, {15, 10}), (ByteRange{15, 5}));
  EXPECT_EQ(Intersection({0, 100}, {20, 5}), (ByteRange{20, 5}));
  EXPECT_TRUE(Intersection({0, 10}, {10, 10}).empty());
  EXPECT_TRUE(Intersection({30, 10}, {0, 10}).empty());
}

}  // namespace
}  // namespace lacuna
