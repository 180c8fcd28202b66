#include "erofs-tools/layer/chunk_digests.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kZeroChunk(kChunkSize, '\0');

std::string Chunk(char fill, size_t size = kChunkSize) {
  return std::string(size, fill);
}

// 0: a, 1 to 3: zeros, 4: b, 5: zeros, of one block.
ChunkDigests Example() {
  ChunkDigests digests;
  digests.Append(Chunk('a'));
  digests.AppendZeros(2 * kChunkSize);
  digests.Append(kZeroChunk);
  digests.Append(Chunk('b'));
  digests.AppendZeros(kBlockSize);
  return digests;
}

TEST(ChunkDigests, RunsOfZeroChunksAreRanges) {
  const ChunkDigests digests = Example();
  EXPECT_THAT(digests.zeros(), ElementsAre(ChunkRange{1, 4}, ChunkRange{5, 6}));
  EXPECT_EQ(digests.device_size(), 5 * kChunkSize + kBlockSize);
  EXPECT_EQ(digests.Sums().size(), 2 * 32);
  std::string zero;
  for (uint64_t chunk = 0; chunk < 6; ++chunk) zero += digests.IsZero(chunk) ? '0' : 'x';
  EXPECT_EQ(zero, "x000x0");
}

TEST(ChunkDigests, EachChunkMatchesItsBytesOnly) {
  const ChunkDigests digests = Example();
  EXPECT_TRUE(digests.Matches(0, Chunk('a')));
  EXPECT_FALSE(digests.Matches(0, Chunk('b')));
  EXPECT_FALSE(digests.Matches(0, Chunk('a', kBlockSize)));
  EXPECT_TRUE(digests.Matches(3, kZeroChunk));
  EXPECT_FALSE(digests.Matches(3, Chunk('a')));
  EXPECT_TRUE(digests.Matches(4, Chunk('b')));
  EXPECT_TRUE(digests.Matches(5, Chunk('\0', kBlockSize)));
  EXPECT_FALSE(digests.Matches(5, kZeroChunk));
  EXPECT_FALSE(digests.Matches(6, kZeroChunk));
}

TEST(ChunkDigests, ATerabyteOfZerosCostsNothing) {
  ChunkDigests digests;
  digests.AppendZeros(uint64_t{1} << 40);
  EXPECT_THAT(digests.zeros(), ElementsAre(ChunkRange{0, 1 << 24}));
  EXPECT_EQ(digests.Sums(), "");
}

TEST(ChunkDigests, SurviveBeingTakenApart) {
  const ChunkDigests digests = Example();
  const auto again = ChunkDigests::From(digests.device_size(), digests.zeros(), digests.Sums());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->Root(), digests.Root());
  EXPECT_TRUE(again->Matches(4, Chunk('b')));
}

// What names a device everywhere: this test never changes.
TEST(ChunkDigests, TheRootIsFrozen) {
  EXPECT_EQ(ChunkDigests().Root().hex(), "374708fff7719dd5979ec875d56cd2286f6d3cf7ec317a3b25632aab28ec37bb");
  EXPECT_EQ(Example().Root().hex(), "643c74f670ee4193529af861c8cc16dc39315fac21ecb952641d88f12afcd57f");
}

TEST(ChunkDigests, TheRootTellsDevicesApart) {
  ChunkDigests shorter;
  shorter.AppendZeros(kChunkSize);
  ChunkDigests longer;
  longer.AppendZeros(kChunkSize + kBlockSize);
  EXPECT_NE(shorter.Root(), longer.Root());
}

std::string ErrorOf(uint64_t device_size, std::vector<ChunkRange> zeros, size_t sums) {
  const auto digests = ChunkDigests::From(device_size, std::move(zeros), std::string(sums * 32, 'x'));
  return std::string(digests.status().message());
}

TEST(ChunkDigests, PartsThatDoNotFitAreRefused) {
  constexpr uint64_t kSize = 4 * kChunkSize;
  EXPECT_EQ(ErrorOf(kSize, {{1, 2}}, 3), "");
  EXPECT_THAT(ErrorOf(kSize + 1, {}, 5), HasSubstr("whole blocks"));
  EXPECT_THAT(ErrorOf(kSize, {{1, 2}}, 2), HasSubstr("64 bytes of digests for 3 chunks"));
  EXPECT_THAT(ErrorOf(kSize, {{1, 2}}, 4), HasSubstr("digests"));
  EXPECT_THAT(ErrorOf(kSize, {{3, 5}}, 2), HasSubstr("too far"));
  EXPECT_THAT(ErrorOf(kSize, {{2, 2}}, 4), HasSubstr("empty"));
  EXPECT_THAT(ErrorOf(kSize, {{2, 3}, {0, 1}}, 2), HasSubstr("not behind"));
  EXPECT_THAT(ErrorOf(kSize, {{0, 1}, {1, 2}}, 2), HasSubstr("not behind"));
}

}  // namespace
}  // namespace lacuna
