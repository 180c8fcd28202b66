// Sparse files in each of the four spellings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/erofs-tools/tar/recording_sink.h"
#include "tests/erofs-tools/tar/tar_builder.h"

namespace lacuna {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Records(const PaxRecords& records, const std::string& body) {
  return Pax(records) + TarFile({.name = "GNUSparseFile.1/name"}, body);
}

std::string Text(const std::string& map, const std::string& size, const std::string& body) {
  return Records({{"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", size}},
                 Padded(map) + body);
}

ReadEntry OnlyEntry(const std::string& archive) {
  const RecordingSink sink = ReadTar(archive + TarHeaderBlock({.name = "next"}));
  EXPECT_TRUE(sink.status.ok()) << sink.status;
  EXPECT_THAT(sink.entries, SizeIs(2));
  return sink.entries.empty() ? ReadEntry() : sink.entries[0];
}

std::string ErrorOf(const std::string& archive) {
  const RecordingSink sink = ReadTar(archive);
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kInvalidArgument) << sink.status;
  return std::string(sink.status.message());
}

TEST(Sparse, GnuMapGoesOnInBlocksBehindTheHeader) {
  SparseSegments segments;
  for (uint64_t i = 0; i < 30; ++i) segments.emplace_back(i * 10, 1);
  segments.emplace_back(1000, 0);  // GNU tar's mark of the end
  const auto [entry, body_offset, structure_before, body] =
      OnlyEntry(GnuSparseFile("name", 1000, segments, std::string(30, 'b')));
  EXPECT_EQ(entry.size, 1000u);
  EXPECT_THAT(entry.segments, SizeIs(30));
  EXPECT_EQ(entry.segments[29], (ByteRange{290, 1}));
  EXPECT_EQ(body_offset, 512u * 3);
  EXPECT_EQ(body, std::string(30, 'b'));
}

TEST(Sparse, PaxRecordsOneByOne) {
  const TarEntry entry = OnlyEntry(Records({{"GNU.sparse.size", "100"},
                                            {"GNU.sparse.numblocks", "2"},
                                            {"GNU.sparse.offset", "10"},
                                            {"GNU.sparse.numbytes", "3"},
                                            {"GNU.sparse.offset", "50"},
                                            {"GNU.sparse.numbytes", "2"}},
                                           "12345"))
                             .entry;
  EXPECT_EQ(entry.path, "GNUSparseFile.1/name");
  EXPECT_EQ(entry.size, 100u);
  EXPECT_THAT(entry.segments, ElementsAre(ByteRange{10, 3}, ByteRange{50, 2}));
}

TEST(Sparse, PaxRecordWithTheMap) {
  const TarEntry entry = OnlyEntry(Records({{"GNU.sparse.name", "real"},
                                            {"GNU.sparse.size", "100"},
                                            {"GNU.sparse.numblocks", "3"},
                                            {"GNU.sparse.map", "10,3,50,2,100,0"}},
                                           "12345"))
                             .entry;
  EXPECT_EQ(entry.path, "real");
  EXPECT_THAT(entry.segments, ElementsAre(ByteRange{10, 3}, ByteRange{50, 2}));
}

TEST(Sparse, MapInTheBodyIsStructure) {
  std::string map = "100\n";
  for (int i = 0; i < 100; ++i) map += std::to_string(i * 1000) + "\n5\n";
  const ReadEntry read = OnlyEntry(Text(map, "99005", std::string(500, 'b')));
  EXPECT_GT(map.size(), 512u);
  EXPECT_EQ(read.body_offset, 1536 + Padded(map).size());
  EXPECT_EQ(read.structure_before, read.body_offset);
  EXPECT_EQ(read.body, std::string(500, 'b'));
  EXPECT_EQ(read.entry.size, 99005u);
  EXPECT_THAT(read.entry.segments, SizeIs(100));
}

TEST(Sparse, SegmentsThatTouchBecomeOneAndEmptyOnesNone) {
  const TarEntry entry = OnlyEntry(Text("5\n0\n0\n1\n2\n3\n2\n5\n0\n5\n1\n", "9", "12345")).entry;
  EXPECT_THAT(entry.segments, ElementsAre(ByteRange{1, 5}));
}

TEST(Sparse, FileMayBeAHoleAltogether) {
  EXPECT_THAT(OnlyEntry(Text("0\n", "9000", "")).entry.segments, IsEmpty());
  EXPECT_THAT(OnlyEntry(GnuSparseFile("name", 9000, {{9000, 0}}, "")).entry.segments, IsEmpty());
  EXPECT_EQ(OnlyEntry(GnuSparseFile("name", 9000, {{9000, 0}}, "")).entry.size, 9000u);
}

TEST(Sparse, VersionThatNobodyKnowsIsNotSparse) {
  const TarEntry entry =
      OnlyEntry(Records({{"GNU.sparse.major", "2"}, {"GNU.sparse.minor", "0"}}, "12345")).entry;
  EXPECT_THAT(entry.segments, ElementsAre(ByteRange{0, 5}));
}

TEST(Sparse, MapsThatNoFileHasAreRefused) {
  EXPECT_THAT(ErrorOf(Text("2\n5\n2\n6\n1\n", "9", "123")),
              HasSubstr("a segment of 1 bytes at 6, after one that ends"));
  EXPECT_THAT(ErrorOf(Text("2\n5\n1\n0\n1\n", "9", "12")), HasSubstr("a segment of 1 bytes at 0"));
  EXPECT_THAT(ErrorOf(Text("1\n5\n5\n", "9", "12345")), HasSubstr("in a file of 9"));
  EXPECT_THAT(ErrorOf(Text("1\n9223372036854775807\n9223372036854775807\n", "9", "1")),
              HasSubstr("sparse map"));
  EXPECT_THAT(ErrorOf(Text("1\n99999999999999999999\n1\n", "9", "1")), HasSubstr("not a number"));
  EXPECT_THAT(ErrorOf(Text("1\n-1\n1\n", "9", "1")), HasSubstr("not a number"));
  EXPECT_THAT(ErrorOf(Text("1\n\n1\n", "9", "1")), HasSubstr("not a number"));
}

TEST(Sparse, MapIsOfWhatIsStored) {
  EXPECT_THAT(ErrorOf(Text("1\n5\n2\n", "9", "123")), HasSubstr("is of 2 bytes, its body of 3"));
  EXPECT_THAT(ErrorOf(GnuSparseFile("name", 10, {{0, 4}}, "123")),
              HasSubstr("\"name\": its sparse map is of 4 bytes"));
  std::string block = "900\n";
  while (block.size() < 512) block += "0\n";
  EXPECT_THAT(ErrorOf(Text(block, "9", "")), HasSubstr("its body ends within its sparse map"));
  EXPECT_THAT(ErrorOf(Text("", "9", "")), HasSubstr("its body ends within its sparse map"));
}

TEST(Sparse, NumberOfSegmentsIsRight) {
  for (const std::string blocks : {"1", "3", "-1", ""}) {
    EXPECT_THAT(
        ErrorOf(Records(
            {{"GNU.sparse.size", "9"}, {"GNU.sparse.numblocks", blocks}, {"GNU.sparse.map", "0,1,5,1"}},
            "12")),
        HasSubstr("numblocks"));
  }
  EXPECT_THAT(ErrorOf(Records({{"GNU.sparse.numblocks", "2"}, {"GNU.sparse.map", "0,1,5"}}, "12")),
              HasSubstr("not a number"));
}

TEST(Sparse, OffsetsAndLengthsTakeTurns) {
  for (const PaxRecords& records :
       {PaxRecords{{"GNU.sparse.numbytes", "1"}},
        PaxRecords{{"GNU.sparse.offset", "1"}, {"GNU.sparse.offset", "1"}},
        PaxRecords{{"GNU.sparse.offset", "1"}}, PaxRecords{{"GNU.sparse.offset", "1,2"}},
        PaxRecords{{"GNU.sparse.map", "1,2"}, {"GNU.sparse.offset", "1"}},
        PaxRecords{{"GNU.sparse.offset", "1"}, {"GNU.sparse.map", "1,2"}}}) {
    EXPECT_THAT(ErrorOf(Records(records, "1")), HasSubstr("GNU.sparse."));
  }
}

TEST(Sparse, MapOverOneMiBIsRefused) {
  std::string map = "999999\n";
  while (map.size() < 1024 * 1024) map += "0\n";
  EXPECT_THAT(ErrorOf(Text(map, "9", "")), HasSubstr("over 1 MiB"));
  SparseSegments segments(21 * 2048 + 100, {0, 0});
  EXPECT_THAT(ErrorOf(GnuSparseFile("name", 0, segments, "")), HasSubstr("over 1 MiB"));
}

TEST(Sparse, OnlyRegularFilesOfGnuOrPaxAre) {
  const std::string directory = TarHeaderBlock({.flag = '5', .name = "d"});
  EXPECT_THAT(ErrorOf(Pax({{"GNU.sparse.numblocks", "1"}, {"GNU.sparse.map", "0,0"}}) + directory),
              HasSubstr("\"d\": sparse, but not a regular file"));
  EXPECT_THAT(ErrorOf(TarHeaderBlock({.flag = 'S', .name = "star"})), HasSubstr("not in GNU's format"));
}

}  // namespace
}  // namespace lacuna
