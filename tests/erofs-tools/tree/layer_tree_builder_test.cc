// LayerTreeBuilder: what one layer's entries come to.
#include "erofs-tools/tree/layer_tree_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/erofs-tools/tree/tree_test_support.h"

namespace lacuna {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kImplied[] = "dir 0 implied";

std::string BuildError(const Entries& entries) {
  return ErrorOf(Built(entries));
}

TEST(LayerTreeBuilder, ALayerOfNothingIsAnImpliedRoot) {
  EXPECT_EQ(Built({}), (TreeText{{"", kImplied}}));
}

TEST(LayerTreeBuilder, PathsAreCleaned) {
  const TreeText tree = {{"", kImplied}, {"a", kImplied}, {"a/x", "file 1"}};
  for (const char* path :
       {"a/x", "/a/x", "./a/x", "a//x", "a/./x", "//a/x/", "../a/x", "a/b/../x", "/../../a/x"}) {
    EXPECT_EQ(Built({File(path, 1)}), tree) << path;
  }
}

TEST(LayerTreeBuilder, TheRootsEntryDescribesIt) {
  for (const char* path : {"./", "/", ".", "", "a/.."}) {
    EXPECT_EQ(Built({Directory(path, 1)}), (TreeText{{"", "dir 1"}})) << path;
    EXPECT_THAT(BuildError({File(path, 1)}), HasSubstr("the root can only be a directory")) << path;
    EXPECT_NE(BuildError({Symlink(path, "a", 1)}), "") << path;
    EXPECT_NE(BuildError({File("a", 1), HardLink(path, "a")}), "") << path;
  }
}

TEST(LayerTreeBuilder, TheRootKeepsItsChildrenAndIsOpaqueOnceSaid) {
  EXPECT_EQ(Built({File("x", 1), File(".wh..wh..opq", 0), Directory("./", 2)}),
            (TreeText{{"", "dir 2 opaque"}, {"x", "file 1"}}));
}

TEST(LayerTreeBuilder, ANameOfMoreThan255BytesIsRefused) {
  const std::string longest(255, 'n');
  EXPECT_EQ(BuildError({File(longest + "/" + longest, 1)}), "");
  for (const std::string& path : {longest + "n", longest + "n/x", ".wh." + longest + "n"}) {
    EXPECT_THAT(BuildError({File(path, 1)}), AllOf(HasSubstr("255 bytes"), HasSubstr("nnn"))) << path;
  }
  EXPECT_EQ(BuildError({File(".wh." + longest, 1)}), "");
}

TEST(LayerTreeBuilder, APathMayBeLongAndDeepButNotBottomless) {
  std::string path;
  while (path.size() < 4000) path += "n/";
  EXPECT_EQ(BuildError({File(path + "x", 1)}), "");
  while (path.size() < 2 * 2048) path += "n/";
  EXPECT_EQ(BuildError({File(path + "x", 1)}), "");
  EXPECT_THAT(BuildError({File(path + "n/x", 1)}), HasSubstr("2048 directories"));
  EXPECT_THAT(BuildError({Directory(path + "n/", 1)}), HasSubstr("2048 directories"));
}

TEST(LayerTreeBuilder, ADirectorysEntryMayComeBehindWhatIsInIt) {
  EXPECT_EQ(Built({File("a/x", 1), Directory("a/", 2)}),
            (TreeText{{"", kImplied}, {"a", "dir 2"}, {"a/x", "file 1"}}));
}

TEST(LayerTreeBuilder, TheLastOfSeveralEntriesWins) {
  EXPECT_EQ(Built({File("a", 1), File("a", 2)}), (TreeText{{"", kImplied}, {"a", "file 2"}}));
  EXPECT_EQ(Built({Directory("a", 1), File("a/x", 2), Directory("a", 3)}),
            (TreeText{{"", kImplied}, {"a", "dir 3"}, {"a/x", "file 2"}}));
  EXPECT_EQ(Built({Directory("a", 1), File("a/x", 2), File("a", 3)}),
            (TreeText{{"", kImplied}, {"a", "file 3"}}));
  EXPECT_EQ(Built({Symlink("a", "b", 1), File("a", 3)}), (TreeText{{"", kImplied}, {"a", "file 3"}}));
}

TEST(LayerTreeBuilder, ADirectoryInThePlaceOfAFileHidesWhatIsBelow) {
  EXPECT_EQ(Built({File("a", 1), Directory("a", 2), File("a/y", 3)}),
            (TreeText{{"", kImplied}, {"a", "dir 2 opaque"}, {"a/y", "file 3"}}));
  EXPECT_EQ(Built({Symlink("a", "b", 1), Directory("a", 2)}),
            (TreeText{{"", kImplied}, {"a", "dir 2 opaque"}}));
}

TEST(LayerTreeBuilder, AParentThatIsASymlinkIsFollowedWithinTheRoot) {
  const TreeText tree = {{"", kImplied}, {"d", kImplied}, {"d/e", kImplied}, {"d/e/x", "file 2"}};
  for (const char* target : {"d/e", "/d/e", "../../d/e", "./d//e/", "/../d/./e", "d/f/../e"}) {
    TreeText with_link = tree;
    with_link["l"] = absl::StrCat("symlink 1 to ", target);
    EXPECT_EQ(Built({Symlink("l", target, 1), File("l/x", 2)}), with_link) << target;
  }
  EXPECT_EQ(Built({Symlink("a/l", "../b", 1), Symlink("b/m", "n", 2), File("a/l/m/x", 3)}),
            (TreeText{{"", kImplied},
                      {"a", kImplied},
                      {"a/l", "symlink 1 to ../b"},
                      {"b", kImplied},
                      {"b/m", "symlink 2 to n"},
                      {"b/n", kImplied},
                      {"b/n/x", "file 3"}}));
}

TEST(LayerTreeBuilder, TheLastNameIsNeverFollowed) {
  EXPECT_EQ(Built({Symlink("l", "d", 1), Directory("l", 2)}),
            (TreeText{{"", kImplied}, {"l", "dir 2 opaque"}}));
  EXPECT_EQ(Built({Symlink("l", "d", 1), File("l", 2)}), (TreeText{{"", kImplied}, {"l", "file 2"}}));
}

TEST(LayerTreeBuilder, ACircleOfSymlinksIsRefused) {
  EXPECT_THAT(BuildError({Symlink("a", "b", 1), Symlink("b", "a", 2), File("a/x", 3)}),
              AllOf(HasSubstr("'a/x'"), HasSubstr("40 symlinks")));
}

TEST(LayerTreeBuilder, FortySymlinksInARowAreFollowed) {
  Entries entries = {Directory("0", 1)};
  for (int i = 1; i <= 41; ++i) entries.push_back(Symlink(std::to_string(i), std::to_string(i - 1), 2));
  entries.push_back(File("40/x", 3));
  EXPECT_EQ(Built(entries)["0/x"], "file 3");
  entries.push_back(File("41/y", 3));
  EXPECT_NE(BuildError(entries), "");
}

TEST(LayerTreeBuilder, AParentThatIsAFileOfThisLayerIsRefusedAndBothAreNamed) {
  EXPECT_THAT(BuildError({File("a/f", 1), File("a/f/x", 2)}),
              AllOf(HasSubstr("'a/f/x'"), HasSubstr("'a/f' on the way is not a directory")));
}

TEST(LayerTreeBuilder, AHardLinkIsTheSameNode) {
  EXPECT_EQ(
      Built({File("f", 1), HardLink("g", "./f"), HardLink("a/h", "/g")}),
      (TreeText{
          {"", kImplied}, {"a", kImplied}, {"a/h", "file 1"}, {"f", "same as a/h"}, {"g", "same as a/h"}}));
}

TEST(LayerTreeBuilder, AHardLinkIsToWhatItsTargetWasAtThatMoment) {
  EXPECT_EQ(Built({File("f", 1), HardLink("g", "f"), File("f", 2)}),
            (TreeText{{"", kImplied}, {"f", "file 2"}, {"g", "file 1"}}));
}

TEST(LayerTreeBuilder, AHardLinksTargetIsFoundThroughSymlinksButIsNotFollowed) {
  EXPECT_EQ(Built({Symlink("l", "/d", 1), Symlink("d/s", "f", 2), HardLink("g", "l/s")}),
            (TreeText{{"", kImplied},
                      {"d", kImplied},
                      {"d/s", "symlink 2 to f"},
                      {"g", "same as d/s"},
                      {"l", "symlink 1 to /d"}}));
}

TEST(LayerTreeBuilder, AHardLinkToADirectoryIsRefused) {
  EXPECT_THAT(BuildError({Directory("d", 1), HardLink("g", "d")}), HasSubstr("the target is a directory"));
  EXPECT_THAT(BuildError({HardLink("g", "/")}), HasSubstr("the root directory"));
}

TEST(LayerTreeBuilder, AHardLinkToWhatThisLayerLacksIsToWhatIsBelow) {
  EXPECT_EQ(Built({HardLink("g", "/x/../d//f")}), (TreeText{{"", kImplied}, {"g", "lower d/f"}}));
  EXPECT_EQ(Built({Directory("d", 1), HardLink("g", "d/f")}),
            (TreeText{{"", kImplied}, {"d", "dir 1"}, {"g", "lower d/f"}}));
  EXPECT_EQ(Built({Symlink("l", "d/e", 1), HardLink("g", "l/f")}),
            (TreeText{{"", kImplied}, {"g", "lower d/e/f"}, {"l", "symlink 1 to d/e"}}));
}

TEST(LayerTreeBuilder, AHardLinkToALinkToWhatIsBelowSharesItsNode) {
  EXPECT_EQ(Built({HardLink("g", "f"), HardLink("h", "g")}),
            (TreeText{{"", kImplied}, {"g", "lower f"}, {"h", "same as g"}}));
}

TEST(LayerTreeBuilder, AHardLinkToWhatThisLayerHasRemovedIsRefused) {
  for (const Entries& before : std::vector<Entries>{{File(".wh.f", 0)}, {File(".wh..wh..opq", 0)}}) {
    Entries entries = before;
    entries.push_back(HardLink("g", "f"));
    EXPECT_THAT(BuildError(entries), AllOf(HasSubstr("'g'"), HasSubstr("'f'"), HasSubstr("removed")));
  }
  for (const Entries& before : std::vector<Entries>{{File(".wh.d", 0)},
                                                    {File("d", 1), Directory("d", 2)},
                                                    {File("d/e/x", 1), File(".wh.d", 0)},
                                                    {File("d/.wh..wh..opq", 0)}}) {
    Entries entries = before;
    entries.push_back(HardLink("g", "d/e/f"));
    EXPECT_THAT(BuildError(entries), HasSubstr("removed"));
  }
}

TEST(LayerTreeBuilder, AHardLinkThatComesBeforeTheWhiteoutOfItsTargetIsARename) {
  EXPECT_EQ(Built({HardLink("g", "f"), File(".wh.f", 0)}),
            (TreeText{{"", kImplied}, {"f", "whiteout"}, {"g", "lower f"}}));
}

TEST(LayerTreeBuilder, AHardLinkInThePlaceOfItsTargetIsRefused) {
  EXPECT_THAT(BuildError({File("f", 1), HardLink("f", "f")}), HasSubstr("the place of its target"));
  EXPECT_THAT(BuildError({HardLink("f", "f")}), HasSubstr("the place of its target"));
  EXPECT_THAT(BuildError({File("d/f", 1), HardLink("d", "d/f")}), HasSubstr("the place of its target"));
  EXPECT_THAT(BuildError({Symlink("l", "d", 1), File("d/f", 1), HardLink("l/f", "d/f")}),
              HasSubstr("the place of its target"));
  EXPECT_NE(BuildError({File("f", 1), Symlink("l", ".", 2), HardLink("l", "l/f"), HardLink("x", "l/f")}), "");
  EXPECT_EQ(BuildError({File("d/f", 1), HardLink("d/f2", "d/f")}), "");
}

TEST(LayerTreeBuilder, AWhiteoutStandsForTheNameOfAnyType) {
  for (const TarEntry& whiteout : {File("a/.wh.x", 0), Directory("a/.wh.x/", 0), Symlink("a/.wh.x", "", 0)}) {
    EXPECT_EQ(Built({whiteout}), (TreeText{{"", kImplied}, {"a", kImplied}, {"a/x", "whiteout"}}));
  }
}

TEST(LayerTreeBuilder, AWhiteoutDoesNotHideAFileOfItsLayerWhateverTheOrder) {
  const TreeText tree = {{"", kImplied}, {"f", "file 1"}};
  EXPECT_EQ(Built({File("f", 1), File(".wh.f", 0)}), tree);
  EXPECT_EQ(Built({File(".wh.f", 0), File("f", 1)}), tree);
}

TEST(LayerTreeBuilder, AWhiteoutHidesWhatIsBelowADirectoryOfItsLayerWhateverTheOrder) {
  const TreeText tree = {{"", kImplied}, {"d", "dir 1 opaque"}, {"d/x", "file 2"}};
  EXPECT_EQ(Built({Directory("d", 1), File("d/x", 2), File(".wh.d", 0)}), tree);
  EXPECT_EQ(Built({Directory("d", 1), File(".wh.d", 0), File("d/x", 2)}), tree);
  EXPECT_EQ(Built({File(".wh.d", 0), Directory("d", 1), File("d/x", 2)}), tree);
  EXPECT_EQ(Built({File(".wh.d", 0), File("d/x", 2), Directory("d", 1)}), tree);
}

TEST(LayerTreeBuilder, AnImpliedDirectoryInThePlaceOfAWhiteoutTakesNothingFromBelow) {
  const TreeText tree = {{"", kImplied}, {"d", "dir 0 opaque"}, {"d/x", "file 2"}};
  EXPECT_EQ(Built({File(".wh.d", 0), File("d/x", 2)}), tree);
  EXPECT_EQ(Built({File("d/x", 2), File(".wh.d", 0)}), tree);
}

TEST(LayerTreeBuilder, AnOpaqueDirectoryMayComeInAnyOrder) {
  const TreeText tree = {{"", kImplied}, {"d", "dir 1 opaque"}, {"d/x", "file 2"}};
  EXPECT_EQ(Built({Directory("d", 1), File("d/.wh..wh..opq", 0), File("d/x", 2)}), tree);
  EXPECT_EQ(Built({File("d/x", 2), File("d/.wh..wh..opq", 0), Directory("d", 1)}), tree);
}

TEST(LayerTreeBuilder, AnOpaqueDirectoryWithoutAnEntryStillTakesItsAttributesFromBelow) {
  EXPECT_EQ(Built({File("d/.wh..wh..opq", 0)}), (TreeText{{"", kImplied}, {"d", "dir 0 implied opaque"}}));
}

TEST(LayerTreeBuilder, WhatAufsKeptForItselfIsIgnored) {
  EXPECT_EQ(Built({Directory(".wh..wh.plnk", 1), File(".wh..wh.plnk/1.2", 2), File(".wh..wh.aufs", 3),
                   File("a/.wh..wh.orph/b/c", 4), File(".wh..wh..opq/x", 5)}),
            (TreeText{{"", kImplied}}));
}

TEST(LayerTreeBuilder, AWhiteoutOfNothingIsRefused) {
  for (const char* path : {".wh.", ".wh..", ".wh...", "a/.wh."}) {
    EXPECT_THAT(BuildError({File(path, 1)}), HasSubstr("a whiteout of nothing")) << path;
  }
  EXPECT_EQ(Built({File(".wh....", 0)})["..."], "whiteout");
}

TEST(LayerTreeBuilder, ADirectoryOnTheWayIsNoWhiteout) {
  EXPECT_EQ(Built({File(".wh.d/x", 1)}),
            (TreeText{{"", kImplied}, {".wh.d", kImplied}, {".wh.d/x", "file 1"}}));
}

TEST(LayerTreeBuilder, ASymlinkNeedsATargetThatAnUnpackerCanMake) {
  EXPECT_NE(BuildError({Symlink("l", "", 1)}), "");
  EXPECT_EQ(BuildError({Symlink("l", std::string(4095, 't'), 1)}), "");
  EXPECT_THAT(BuildError({Symlink("l", std::string(4096, 't'), 1)}), HasSubstr("4095"));
}

TEST(LayerTreeBuilder, ANameInASymlinksTargetThatNoDirectoryCanHoldIsRefusedWhenFollowed) {
  EXPECT_THAT(BuildError({Symlink("l", std::string(256, 't'), 1), File("l/x", 1)}), HasSubstr("255 bytes"));
}

TEST(LayerTreeBuilder, EveryAttributeIsKept) {
  TarEntry entry = EntryOf(TarEntry::Type::kCharDevice, "tty", 1);
  entry.permissions = 04755;
  entry.gid = 2;
  entry.mtime = -3;
  entry.mtime_nanoseconds = 4;
  entry.device_major = 5;
  entry.device_minor = 6;
  entry.xattrs = {{"user.a", "1"}};
  LayerTreeBuilder builder;
  for (const auto type : {TarEntry::Type::kCharDevice, TarEntry::Type::kBlockDevice, TarEntry::Type::kFifo}) {
    entry.type = type;
    ASSERT_TRUE(builder.Add(entry, {}).ok());
    entry.path += "y";
  }
  const FileTree tree = std::move(builder).Finish();
  std::vector<FileType> types;
  for (const auto& [name, id] : tree.node(FileTree::kRoot).children) {
    const FileNode& node = tree.node(id);
    types.push_back(node.type);
    EXPECT_EQ(node.permissions, 04755);
    EXPECT_EQ(node.uid, 1u);
    EXPECT_EQ(node.gid, 2u);
    EXPECT_EQ(node.mtime, -3);
    EXPECT_EQ(node.mtime_nanoseconds, 4u);
    EXPECT_EQ(node.device_major, 5u);
    EXPECT_EQ(node.device_minor, 6u);
    EXPECT_EQ(node.xattrs, entry.xattrs);
  }
  EXPECT_EQ(types, (std::vector{FileType::kCharDevice, FileType::kBlockDevice, FileType::kFifo}));
}

TEST(LayerTreeBuilder, ALaterEntryOfADirectoryReplacesAllItsAttributes) {
  LayerTreeBuilder builder;
  TarEntry entry = Directory("d", 1);
  entry.xattrs = {{"user.a", "1"}, {"user.b", "2"}};
  ASSERT_TRUE(builder.Add(entry, {}).ok());
  entry.xattrs = {{"user.c", "3"}};
  entry.permissions = 0700;
  ASSERT_TRUE(builder.Add(entry, {}).ok());
  const FileTree tree = std::move(builder).Finish();
  const FileNode& node = tree.node(tree.Find(FileTree::kRoot, "d"));
  EXPECT_EQ(node.xattrs, entry.xattrs);
  EXPECT_EQ(node.permissions, 0700);
}

TEST(LayerTreeBuilder, AFileHasItsExtents) {
  const std::vector<DataExtent> extents = {{.file_offset = 4096, .device_offset = 8192, .length = 4096}};
  TarEntry file = File("f", 1);
  file.size = 9000;
  LayerTreeBuilder builder;
  ASSERT_TRUE(builder.Add(file, extents).ok());
  const FileTree tree = std::move(builder).Finish();
  const FileNode& node = tree.node(tree.Find(FileTree::kRoot, "f"));
  EXPECT_EQ(node.extents, extents);
  EXPECT_EQ(node.size, 9000u);
}

TEST(LayerTreeBuilder, ExtendedAttributesThatWereReplacedCountToo) {
  LayerTreeBuilder builder;
  TarEntry entry = Directory("d", 1);
  entry.xattrs = {{"user.a", std::string(64 * 1024, 'x')}};
  absl::Status status;
  for (int i = 0; i < 5000 && status.ok(); ++i) status = builder.Add(entry, {});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
}

}  // namespace
}  // namespace lacuna
