// FillHoles: what is a hole in the middle of a file is zeros of a device afterwards, and nothing else
// changes.
#include "erofs-tools/tree/fill_holes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/base/byte_range.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

constexpr uint16_t kZeros = 7;

class FillHolesTest : public testing::Test {
 protected:
  NodeId Add(uint64_t size, std::vector<DataExtent> extents) {
    FileNode file;
    file.size = size;
    file.extents = std::move(extents);
    return *tree_.Add(std::move(file));
  }
  const std::vector<DataExtent>& ExtentsOf(NodeId file) const { return tree_.node(file).extents; }

  FileTree tree_;
};

TEST_F(FillHolesTest, LeavesFilesWithoutHolesAlone) {
  const std::vector<DataExtent> dense = {{0, 4096, 8192, 1}};
  const NodeId file = Add(5000, dense);
  const NodeId empty = Add(0, {});
  EXPECT_EQ(*FillHoles(tree_, kZeros), 0);
  EXPECT_EQ(ExtentsOf(file), dense);
  EXPECT_THAT(ExtentsOf(empty), SizeIs(0));
}

TEST_F(FillHolesTest, LeavesAHoleAtTheEndAndAFileThatIsAllHole) {
  const std::vector<DataExtent> begin = {{0, 0, 4096, 1}};
  const NodeId file = Add(1 << 20, begin);
  const NodeId hole = Add(1 << 20, {});
  EXPECT_EQ(*FillHoles(tree_, kZeros), 0);
  EXPECT_EQ(ExtentsOf(file), begin);
  EXPECT_THAT(ExtentsOf(hole), SizeIs(0));
}

TEST_F(FillHolesTest, MapsHolesInPiecesOfTheFilesChunk) {
  const DataExtent first{32768, 0, 16384, 1};
  const DataExtent second{65536, 16384, 4096, 1};  // up to the file's end
  const NodeId file = Add(65536 + 100, {first, second});
  EXPECT_EQ(*FillHoles(tree_, kZeros), 16384);
  EXPECT_THAT(ExtentsOf(file),
              ElementsAre(DataExtent{0, 0, 16384, kZeros}, DataExtent{16384, 0, 16384, kZeros}, first,
                          DataExtent{49152, 0, 16384, kZeros}, second));
}

TEST_F(FillHolesTest, NeedsNoMoreThanTheLargestPiece) {
  const NodeId file = Add(uint64_t{1} << 40, {{uint64_t{1} << 39, 0, 4096, 1}});
  Add(1 << 20, {{8192, 0, 4096, 1}, {1 << 19, 4096, 4096, 1}});
  const absl::StatusOr<uint64_t> needed = FillHoles(tree_, kZeros);
  EXPECT_EQ(needed.status().code(), absl::StatusCode::kResourceExhausted) << "a block at 4096 in a terabyte";
  EXPECT_THAT(ExtentsOf(file), SizeIs(1));
}

TEST_F(FillHolesTest, ATerabyteCostsKilobytesWhereItIsMappedCoarsely) {
  const uint64_t unit = kMaxZeroPiece;
  const NodeId file = Add(uint64_t{1} << 40, {{uint64_t{1} << 39, 0, unit, 1}});
  EXPECT_EQ(*FillHoles(tree_, kZeros), unit);
  EXPECT_THAT(ExtentsOf(file), SizeIs((uint64_t{1} << 39) / unit + 1));
}

}  // namespace
}  // namespace lacuna
