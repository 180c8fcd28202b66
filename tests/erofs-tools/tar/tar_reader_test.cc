// What the reader makes of entries of each dialect, and of archives that are cut off or damaged.
#include "erofs-tools/tar/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/erofs-tools/tar/recording_sink.h"
#include "tests/erofs-tools/tar/tar_builder.h"

namespace lacuna {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Type = TarEntry::Type;

TarEntry OnlyEntry(const std::string& archive) {
  const RecordingSink sink = ReadTar(archive);
  EXPECT_TRUE(sink.status.ok()) << sink.status;
  EXPECT_THAT(sink.entries, SizeIs(1));
  return sink.entries.empty() ? TarEntry() : sink.entries[0].entry;
}

std::string ErrorOf(const std::string& archive) {
  const RecordingSink sink = ReadTar(archive);
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kInvalidArgument) << sink.status;
  return std::string(sink.status.message());
}

TEST(TarReader, EntryHasTheFieldsOfItsHeader) {
  const RecordingSink sink = ReadTar(
      TarFile({.name = "bin/sh", .mode = 0104755, .uid = 12, .gid = 34, .mtime = 1700000000}, "body") +
      kTarEnd);
  ASSERT_TRUE(sink.status.ok()) << sink.status;
  ASSERT_THAT(sink.entries, SizeIs(1));
  const auto& [entry, body_offset, structure_before, body] = sink.entries[0];
  EXPECT_EQ(entry.type, Type::kRegular);
  EXPECT_EQ(entry.path, "bin/sh");
  EXPECT_EQ(entry.permissions, 04755);
  EXPECT_EQ(entry.uid, 12u);
  EXPECT_EQ(entry.gid, 34u);
  EXPECT_EQ(entry.mtime, 1700000000);
  EXPECT_EQ(entry.size, 4u);
  EXPECT_EQ(entry.segments, (std::vector<ByteRange>{{0, 4}}));
  EXPECT_EQ(body_offset, 512u);
  EXPECT_EQ(structure_before, 512u);
  EXPECT_EQ(body, "body");
  EXPECT_EQ(sink.position, 512u + 512 + 1024);
}

TEST(TarReader, NothingOfAnEntryIsLeftToTheNext) {
  const RecordingSink sink =
      ReadTar(Pax({{"SCHILY.xattr.user.a", "1"}, {"mtime", "5.5"}, {"path", "first"}}) +
              TarFile({.flag = '3', .name = "x", .device_major = 4, .device_minor = 5}, "") +
              TarFile({.flag = '2', .name = "link", .target = "to"}, "") + TarFile({.name = "file"}, "1") +
              TarFile({.flag = '6', .name = "fifo"}, ""));
  ASSERT_TRUE(sink.status.ok()) << sink.status;
  ASSERT_THAT(sink.entries, SizeIs(4));
  EXPECT_EQ(sink.entries[0].entry.device_major, 4u);
  EXPECT_THAT(sink.entries[0].entry.xattrs, SizeIs(1));
  EXPECT_EQ(sink.entries[1].entry.target, "to");
  const TarEntry& fifo = sink.entries[3].entry;
  EXPECT_EQ(fifo.type, Type::kFifo);
  EXPECT_EQ(fifo.path, "fifo");
  EXPECT_THAT(fifo.target, IsEmpty());
  EXPECT_THAT(fifo.xattrs, IsEmpty());
  EXPECT_THAT(fifo.segments, IsEmpty());
  EXPECT_EQ(fifo.size + fifo.mtime + fifo.mtime_nanoseconds + fifo.device_major + fifo.device_minor, 0u);
}

TEST(TarReader, EveryTypeIsKnown) {
  const std::pair<char, Type> types[] = {
      {'0', Type::kRegular},     {'\0', Type::kRegular},  {'7', Type::kRegular},
      {'1', Type::kHardLink},    {'2', Type::kSymlink},   {'3', Type::kCharDevice},
      {'4', Type::kBlockDevice}, {'5', Type::kDirectory}, {'6', Type::kFifo},
  };
  for (const auto& [flag, type] : types) {
    const TarEntry entry = OnlyEntry(
        TarHeaderBlock({.flag = flag, .name = "it", .target = "to", .device_major = 1, .device_minor = 3}));
    EXPECT_EQ(entry.type, type) << flag;
    EXPECT_EQ(entry.device_minor, type == Type::kCharDevice || type == Type::kBlockDevice ? 3u : 0u);
  }
}

TEST(TarReader, V7DirectoryIsKnownByItsSlash) {
  EXPECT_EQ(OnlyEntry(TarHeaderBlock({.flag = '\0', .name = "dir/", .magic = kV7Tar})).type,
            Type::kDirectory);
  // With a type of its own it is what the type says, in Go, too.
  EXPECT_EQ(OnlyEntry(TarHeaderBlock({.flag = '0', .name = "dir/"})).type, Type::kRegular);
}

TEST(TarReader, OnlyRegularFilesHaveABody) {
  for (const char flag : {'1', '2', '3', '4', '5', '6'}) {
    const RecordingSink sink =
        ReadTar(TarHeaderBlock({.flag = flag, .name = "it", .target = "to", .size = 700, .device_minor = 1}) +
                kTarEnd);
    EXPECT_TRUE(sink.status.ok()) << sink.status;
    ASSERT_THAT(sink.entries, SizeIs(1));
    EXPECT_EQ(sink.entries[0].entry.size, 0u);
  }
}

TEST(TarReader, UnknownTypeIsRefusedByName) {
  EXPECT_THAT(ErrorOf(TarHeaderBlock({.flag = 'V', .name = "volume"})),
              HasSubstr("\"volume\": its type 'V'"));
  EXPECT_THAT(ErrorOf(TarHeaderBlock({.flag = '\n', .name = "v"})), HasSubstr("its type '\\x0a' cannot"));
}

TEST(TarReader, WhiteoutDeviceIsStructureOnly) {
  const std::string archive = TarHeaderBlock({.flag = '3', .name = "gone"}) + kTarEnd;
  const RecordingSink sink = ReadTar(archive);
  EXPECT_TRUE(sink.status.ok());
  EXPECT_THAT(sink.entries, IsEmpty());
  EXPECT_EQ(sink.structure, archive);
}

TEST(TarReader, PrefixIsAFolderInUstarButNotInGnu) {
  EXPECT_EQ(OnlyEntry(TarHeaderBlock({.name = "file", .prefix = "a/b"})).path, "a/b/file");
  const std::string times = Octal(1700000000, 11) + '\0' + Octal(1700000001, 11);
  EXPECT_EQ(OnlyEntry(TarHeaderBlock({.name = "file", .prefix = times, .magic = kGnuTar})).path, "file");
  EXPECT_EQ(OnlyEntry(TarHeaderBlock({.name = "file", .prefix = "ignored", .magic = kV7Tar})).path, "file");
}

TEST(TarReader, PrefixOfAnOldGoIsUnderstoodInGnu) {
  EXPECT_EQ(OnlyEntry(TarHeaderBlock({.name = "file", .prefix = "usr/share", .magic = kGnuTar})).path,
            "usr/share/file");
}

TEST(TarReader, StarHasAShorterPrefix) {
  std::string header = TarHeaderBlock({.name = "file", .prefix = std::string(131, 'p') + "12345670"});
  header = Patched(header, 508, std::string("tar\0", 4));
  EXPECT_EQ(OnlyEntry(header).path, std::string(131, 'p') + "/file");
}

TEST(TarReader, LongNamesOfGnu) {
  const std::string path(5000, 'p');
  const std::string target(3000, 't');
  const TarEntry entry = OnlyEntry(GnuLong('L', path) + GnuLong('K', target) +
                                   TarHeaderBlock({.flag = '2', .name = "short", .target = "s"}));
  EXPECT_EQ(entry.path, path);
  EXPECT_EQ(entry.target, target);
}

TEST(TarReader, LongNameOverOneMiBIsRefused) {
  EXPECT_THAT(ErrorOf(TarHeaderBlock({.flag = 'L', .name = "long", .size = 1024 * 1024 + 1})),
              HasSubstr("at most 1 MiB"));
}

TEST(TarReader, EndNeedsTwoBlocksAndEverythingAfterItIsStructure) {
  const std::string archive = TarFile({.name = "a"}, "1") + kTarEnd + TarFile({.name = "b"}, "2") + "trash";
  const RecordingSink sink = ReadTar(archive);
  EXPECT_TRUE(sink.status.ok()) << sink.status;
  EXPECT_THAT(sink.entries, SizeIs(1));
  EXPECT_EQ(sink.archive, archive);
  EXPECT_THAT(ErrorOf(std::string(512, '\0') + TarFile({.name = "b"}, "2")), HasSubstr("a block of zeros"));
}

TEST(TarReader, ArchiveMayEndWithoutAnEnd) {
  const std::string file = TarFile({.name = "a"}, "1");
  for (const std::string& archive : {std::string(), file, file + std::string(512, '\0'), file + kTarEnd}) {
    EXPECT_TRUE(ReadTar(archive).status.ok()) << archive.size();
  }
  // As in Go.
  EXPECT_TRUE(ReadTar(file.substr(0, 512 + 1)).status.ok()) << "without padding";
  EXPECT_TRUE(ReadTar(Pax({{"path", "p"}})).status.ok()) << "without the entry that it is about";
}

TEST(TarReader, ArchiveCutOffWithinAnEntryIsRefusedByName) {
  const std::string file = TarFile({.name = "name"}, std::string(600, 'b'));
  EXPECT_THAT(ErrorOf(file.substr(0, 100)), HasSubstr("cut off at byte 100, within a header"));
  EXPECT_THAT(ErrorOf(file.substr(0, 512)), HasSubstr("\"name\": the tar archive is cut off"));
  EXPECT_THAT(ErrorOf(file.substr(0, 512 + 599)), HasSubstr("\"name\": the tar archive is cut off"));
  EXPECT_THAT(ErrorOf(Pax({{"path", "p"}}).substr(0, 515)),
              HasSubstr("\"PaxHeaders/entry\": the tar archive"));
  EXPECT_THAT(ErrorOf(std::string(700, '\0')), HasSubstr("within a header"));
}

TEST(TarReader, DamagedHeaderIsRefusedWithItsPlace) {
  std::string archive = TarFile({.name = "a"}, "1") + TarFile({.name = "b"}, "2");
  archive[1024 + 3] = 'x';
  EXPECT_THAT(ErrorOf(archive), HasSubstr("header at byte 1024: its checksum is wrong"));
}

TEST(TarReader, ChecksumOfSignedBytesIsRight) {
  std::string header = TarHeaderBlock({.name = "caf\xc3\xa9"});
  header = Patched(header, 0, header.substr(0, 100));
  int sum = 0;
  Put(header, 148, "        ");
  for (const char c : header) sum += static_cast<signed char>(c);
  Put(header, 148, Octal(static_cast<uint64_t>(sum), 6) + std::string("\0 ", 2));
  EXPECT_EQ(OnlyEntry(header).path, "caf\xc3\xa9");
}

TEST(TarReader, NumbersThatNoFileHasAreRefusedByName) {
  const std::string header = TarHeaderBlock({.name = "f"});
  EXPECT_THAT(ErrorOf(Patched(header, 108, Base256(int64_t{1} << 32, 8))),
              HasSubstr("\"f\": its uid, 4294967296"));
  EXPECT_THAT(ErrorOf(Patched(header, 116, Base256(-1, 8))), HasSubstr("its gid, -1,"));
  EXPECT_THAT(ErrorOf(Patched(header, 124, Base256(-5, 12))), HasSubstr("its size, -5,"));
  EXPECT_THAT(ErrorOf(Patched(header, 124, Base256((int64_t{1} << 62) + 1, 12))), HasSubstr("its size"));
  EXPECT_THAT(ErrorOf(Patched(header, 100, "12x45")), HasSubstr("\"f\": its mode is not a number"));
  const std::string device = TarHeaderBlock({.flag = '4', .name = "d"});
  EXPECT_THAT(ErrorOf(Patched(device, 329, Base256(int64_t{1} << 32, 8))), HasSubstr("major device number"));
}

TEST(TarReader, BigAndNegativeNumbersInBase256) {
  std::string header = TarHeaderBlock({.flag = '5', .name = "f"});
  header = Patched(header, 108, Base256(4294967295, 8));
  header = Patched(header, 136, Base256(-1000000000000, 12));
  const TarEntry entry = OnlyEntry(header);
  EXPECT_EQ(entry.uid, 4294967295u);
  EXPECT_EQ(entry.mtime, -1000000000000);
}

TEST(TarReader, ReadsHugeFilesWhoseBodiesAreCutOut) {
  const std::string header = Patched(TarHeaderBlock({.name = "huge"}), 124, Base256(int64_t{1} << 62, 12));
  const RecordingSink sink = ReadTar(header + TarHeaderBlock({.name = "next"}), TarReader::Bodies::kCutOut);
  ASSERT_TRUE(sink.status.ok()) << sink.status;
  ASSERT_THAT(sink.entries, SizeIs(2));
  EXPECT_EQ(sink.entries[0].entry.size, uint64_t{1} << 62);
  EXPECT_EQ(sink.entries[1].body_offset, (uint64_t{1} << 62) + 1024);
  EXPECT_THAT(ReadTar(header + header, TarReader::Bodies::kCutOut).status.message(),
              HasSubstr("beyond 2^63"));
}

TEST(TarReader, PathsThatNoFileHasAreRefused) {
  EXPECT_THAT(ErrorOf(TarHeaderBlock({.name = ""})), HasSubstr("entry without a path"));
  EXPECT_THAT(ErrorOf(TarHeaderBlock({.flag = '1', .name = "l"})),
              HasSubstr("\"l\": a link without a target"));
}

TEST(TarReader, ErrorOfTheSinkEndsTheReading) {
  class Refusing : public RecordingSink {
    absl::Status OnEntry(const TarEntry& entry, uint64_t) override { return absl::AbortedError(entry.path); }
  } sink;
  TarReader reader(sink);
  const std::string archive = TarFile({.name = "a"}, "1");
  EXPECT_EQ(reader.Read(absl::Span<const char>(archive.data(), archive.size())), absl::AbortedError("a"));
}

}  // namespace
}  // namespace lacuna
