// PAX headers, as the entries behind them show.
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

// What `before` makes of a file with attributes of its own.
TarEntry EntryBehind(const std::string& before) {
  const RecordingSink sink =
      ReadTar(before + TarFile({.name = "name", .uid = 1, .gid = 2, .mtime = 3}, "1234567"));
  EXPECT_TRUE(sink.status.ok()) << sink.status;
  EXPECT_THAT(sink.entries, SizeIs(1));
  return sink.entries.empty() ? TarEntry() : sink.entries[0].entry;
}

std::string ErrorBehind(const std::string& before) {
  const RecordingSink sink = ReadTar(before + TarFile({.name = "name"}, ""));
  EXPECT_EQ(sink.status.code(), absl::StatusCode::kInvalidArgument) << sink.status;
  return std::string(sink.status.message());
}

TEST(Pax, RecordsReplaceFieldsOfTheHeader) {
  const TarEntry entry = EntryBehind(Pax({{"path", "caf\xe9/\n="},
                                          {"uid", "4000000000"},
                                          {"gid", "7"},
                                          {"mtime", "-1.5"},
                                          {"atime", "not looked at"},
                                          {"hdrcharset", "BINARY"}}));
  EXPECT_EQ(entry.path, "caf\xe9/\n=");
  EXPECT_EQ(entry.uid, 4000000000u);
  EXPECT_EQ(entry.gid, 7u);
  EXPECT_EQ(entry.mtime, -2);
  EXPECT_EQ(entry.mtime_nanoseconds, 500'000'000u);
}

TEST(Pax, SizeSaysWhereTheNextHeaderIs) {
  const RecordingSink sink = ReadTar(Pax({{"size", "513"}}) + TarHeaderBlock({.name = "a", .size = 3}) +
                                     std::string(1024, 'b') + TarHeaderBlock({.name = "next"}));
  ASSERT_TRUE(sink.status.ok()) << sink.status;
  ASSERT_THAT(sink.entries, SizeIs(2));
  EXPECT_EQ(sink.entries[0].body, std::string(513, 'b'));
}

TEST(Pax, EmptyValueLeavesTheHeadersField) {
  const TarEntry entry =
      EntryBehind(Pax({{"path", "first"}, {"path", ""}, {"uid", "9"}, {"uid", ""}, {"mtime", ""}}));
  EXPECT_EQ(entry.path, "name");
  EXPECT_EQ(entry.uid, 1u);
  EXPECT_EQ(entry.mtime, 3);
}

TEST(Pax, LaterHeaderReplacesTheEarlierOne) {
  const TarEntry entry = EntryBehind(Pax({{"path", "first"}, {"uid", "9"}}) + Pax({{"path", "second"}}));
  EXPECT_EQ(entry.path, "second");
  EXPECT_EQ(entry.uid, 1u);
}

TEST(Pax, GnuLongNameWinsOverPath) {
  EXPECT_EQ(EntryBehind(GnuLong('L', "gnu") + Pax({{"path", "pax"}})).path, "gnu");
}

TEST(Pax, GlobalHeaderIsStructureOnlyAndEndsWhatWasBeforeIt) {
  EXPECT_EQ(EntryBehind(Pax({{"path", "global"}, {"uid", "9"}}, 'g')).path, "name");
  EXPECT_EQ(EntryBehind(Pax({{"path", "lost"}}) + Pax({{"comment", "c"}}, 'g')).path, "name");
  EXPECT_THAT(ErrorBehind(PaxRaw("junk", 'g')), HasSubstr("malformed"));
}

TEST(Pax, MalformedRecordsAreRefused) {
  for (const std::string& data :
       {std::string("junk"), std::string("9 a=1\n"), std::string("6 a=1\n\0", 7), std::string("5 =1\n"),
        std::string("6 a=1x"), std::string("5 ab\n"), std::string("-6 a=1\n"), std::string("x a=1\n"),
        std::string("2 a=1\n"), std::string("0 a=1\n"), std::string("7 \0a=1\n", 7),
        std::string("99999999999999999999 a=1\n"), PaxRecord("path", std::string("a\0b", 3)),
        PaxRecord("linkpath", std::string("a\0b", 3)), PaxRecord("size", "1x"), PaxRecord("mtime", "1:2"),
        PaxRecord("uid", "0x1"), PaxRecord("LIBARCHIVE.xattr.user.a", "?")}) {
    EXPECT_THAT(ErrorBehind(PaxRaw(data)), HasSubstr("\"PaxHeaders/entry\": its PAX record")) << data;
  }
}

TEST(Pax, NumbersThatNoFileHasAreRefused) {
  EXPECT_THAT(ErrorBehind(Pax({{"uid", "4294967296"}})),
              HasSubstr("\"name\": its uid, 4294967296, is out of range"));
  EXPECT_THAT(ErrorBehind(Pax({{"gid", "-1"}})), HasSubstr("its gid"));
  EXPECT_THAT(ErrorBehind(Pax({{"size", "-1"}})), HasSubstr("its size"));
}

TEST(Pax, HeaderOverOneMiBIsRefused) {
  EXPECT_TRUE(ReadTar(Pax({{"comment", std::string(1024 * 1024 - 20, 'c')}})).status.ok());
  EXPECT_THAT(ErrorBehind(Pax({{"comment", std::string(1024 * 1024, 'c')}})), HasSubstr("at most 1 MiB"));
}

TEST(PaxXattrs, AreSortedAndTheLastOfANameCounts) {
  const TarEntry entry = EntryBehind(Pax({{"SCHILY.xattr.user.b", std::string("\0=\n", 3)},
                                          {"SCHILY.xattr.user.a", "old"},
                                          {"SCHILY.xattr.user.a", "new"},
                                          {"SCHILY.xattr.user.empty", ""}}));
  EXPECT_THAT(entry.xattrs, ElementsAre(Xattr{"user.a", "new"}, Xattr{"user.b", std::string("\0=\n", 3)},
                                        Xattr{"user.empty", ""}));
}

TEST(PaxXattrs, SchilyWinsOverLibarchive) {
  const TarEntry entry = EntryBehind(Pax({{"SCHILY.xattr.user.both", "schily"},
                                          {"LIBARCHIVE.xattr.user.both", "bGliYXJjaGl2ZQ"},
                                          {"LIBARCHIVE.xattr.user.%41%", "bGliYXJjaGl2ZQ"}}));
  EXPECT_THAT(entry.xattrs, ElementsAre(Xattr{"user.A%", "libarchive"}, Xattr{"user.both", "schily"}));
}

TEST(PaxXattrs, NamesOfOverlayfsAndOfNoNamespaceAreLeftOut) {
  const TarEntry entry = EntryBehind(Pax({{"SCHILY.xattr.trusted.overlay.opaque", "y"},
                                          {"LIBARCHIVE.xattr.user%2eoverlay.redirect", "bGliYXJjaGl2ZQ"},
                                          {"SCHILY.xattr.system.nfs4_acl", "1"},
                                          {"SCHILY.xattr.com.apple.quarantine", "1"},
                                          {"SCHILY.xattr.user.", "1"},
                                          {"SCHILY.xattr.", "1"},
                                          {"SCHILY.xattr.system.posix_acl_access", "acl"},
                                          {"SCHILY.xattr.trusted.overlayish", "1"}}));
  EXPECT_THAT(entry.xattrs,
              ElementsAre(Xattr{"system.posix_acl_access", "acl"}, Xattr{"trusted.overlayish", "1"}));
}

TEST(PaxXattrs, ThoseThatLinuxHasNoRoomForAreRefused) {
  EXPECT_THAT(ErrorBehind(Pax({{"SCHILY.xattr.user." + std::string(251, 'n'), ""}})),
              HasSubstr("longer than Linux"));
  EXPECT_THAT(ErrorBehind(Pax({{"SCHILY.xattr.user.v", std::string(65537, 'v')}})),
              HasSubstr("longer than Linux"));
}

}  // namespace
}  // namespace lacuna
