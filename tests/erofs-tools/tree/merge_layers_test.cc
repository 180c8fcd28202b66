// MergeLayers: what several layers come to, case by case.
#include "erofs-tools/tree/merge_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/erofs-tools/tree/tree_test_support.h"

namespace lacuna {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr char kDefault[] = "dir 0";

std::string MergeError(const std::vector<Entries>& layers) {
  return ErrorOf(Merged(layers));
}

TEST(MergeLayers, NoLayersAreAnEmptyRoot) {
  EXPECT_EQ(Merged({}), (TreeText{{"", kDefault}}));
  EXPECT_EQ(Merged({{}, {}}), (TreeText{{"", kDefault}}));
}

TEST(MergeLayers, DirectoriesAreMergedAndFilesReplaced) {
  EXPECT_EQ(
      Merged({{Directory("a", 1), File("a/x", 2), File("a/y", 3)}, {Directory("a", 4), File("a/x", 5)}}),
      (TreeText{{"", kDefault}, {"a", "dir 4"}, {"a/x", "file 5"}, {"a/y", "file 3"}}));
}

TEST(MergeLayers, AnImpliedDirectoryKeepsTheAttributesFromBelow) {
  EXPECT_EQ(Merged({{Directory("./", 9), Directory("a", 1)}, {File("a/x", 2)}}),
            (TreeText{{"", "dir 9"}, {"a", "dir 1"}, {"a/x", "file 2"}}));
}

TEST(MergeLayers, ADirectorysEntryReplacesAllAttributesFromBelow) {
  TarEntry below = Directory("a", 1);
  below.xattrs = {{"user.a", "1"}};
  TarEntry root = Directory("/", 1);
  root.xattrs = {{"user.a", "1"}};
  const auto tree = MergeTrees({{below, root}, {Directory("a", 2), Directory("/", 2)}});
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_TRUE(tree->node(FileTree::kRoot).xattrs.empty());
  EXPECT_TRUE(tree->node(tree->Find(FileTree::kRoot, "a")).xattrs.empty());
}

TEST(MergeLayers, AWhiteoutRemovesAFileOrATree) {
  EXPECT_EQ(Merged({{File("f", 1), File("d/x", 2), File("g", 3)}, {File(".wh.f", 0), File(".wh.d", 0)}}),
            (TreeText{{"", kDefault}, {"g", "file 3"}}));
}

TEST(MergeLayers, AWhiteoutOfNothingBelowIsNothing) {
  EXPECT_EQ(Merged({{File(".wh.f", 0), File("d/.wh.x", 0), File("e/.wh..wh..opq", 0)}}),
            (TreeText{{"", kDefault}}));
}

TEST(MergeLayers, AWhiteoutWithinAWhiteoutIsNothingWhateverTheOrder) {
  const Entries below = {File("c/a/b", 1), File("c/d", 2)};
  for (const char* inner : {"c/a/.wh.b", "c/a/.wh..wh..opq", "c/.wh.a"}) {
    EXPECT_EQ(Merged({below, {File(inner, 0), File(".wh.c", 0)}}), (TreeText{{"", kDefault}})) << inner;
    EXPECT_EQ(Merged({below, {File(".wh.c", 0), File(inner, 0)}}), (TreeText{{"", kDefault}})) << inner;
    EXPECT_EQ(Merged({below, {File(inner, 0), File(".wh.c", 0), File("c/x", 3)}}),
              (TreeText{{"", kDefault}, {"c", kDefault}, {"c/x", "file 3"}}))
        << inner;
  }
}

TEST(MergeLayers, AnOpaqueDirectoryHidesOnlyWhatIsBelow) {
  EXPECT_EQ(
      Merged({{Directory("d", 1), File("d/x", 2), File("d/e/f", 3)},
              {File("d/y", 4), File("d/e/z", 5), File("d/.wh..wh..opq", 0)}}),
      (TreeText{{"", kDefault}, {"d", "dir 1"}, {"d/e", kDefault}, {"d/e/z", "file 5"}, {"d/y", "file 4"}}));
}

TEST(MergeLayers, AnOpaqueRootHidesEverything) {
  EXPECT_EQ(Merged({{Directory("/", 1), File("f", 2)}, {File(".wh..wh..opq", 0), File("g", 3)}}),
            (TreeText{{"", "dir 1"}, {"g", "file 3"}}));
}

TEST(MergeLayers, ADirectoryThatReplacedAWhiteoutHasNothingFromBelow) {
  EXPECT_EQ(Merged({{Directory("d", 1), File("d/x", 2)}, {File("d/y", 3), File(".wh.d", 0)}}),
            (TreeText{{"", kDefault}, {"d", kDefault}, {"d/y", "file 3"}}));
}

TEST(MergeLayers, ADirectoryThatReplacedAFileOfItsLayerHasNothingFromBelow) {
  EXPECT_EQ(Merged({{Directory("a", 1), File("a/x", 2)}, {File("a", 3), Directory("a", 4), File("a/y", 5)}}),
            (TreeText{{"", kDefault}, {"a", "dir 4"}, {"a/y", "file 5"}}));
}

TEST(MergeLayers, AFileReplacesATreeAndATreeAFile) {
  EXPECT_EQ(Merged({{File("a/x", 1), File("b", 2)}, {File("a", 3), Directory("b", 4), File("b/y", 5)}}),
            (TreeText{{"", kDefault}, {"a", "file 3"}, {"b", "dir 4"}, {"b/y", "file 5"}}));
}

TEST(MergeLayers, APathThroughASymlinkFromBelowGoesWhereItLeads) {
  EXPECT_EQ(Merged({{Directory("usr/lib", 1), File("usr/lib/x", 2), Symlink("lib", "usr/lib", 3)},
                    {File("lib/y", 4), File("lib/.wh.x", 0)}}),
            (TreeText{{"", kDefault},
                      {"lib", "symlink 3 to usr/lib"},
                      {"usr", kDefault},
                      {"usr/lib", "dir 1"},
                      {"usr/lib/y", "file 4"}}));
  EXPECT_EQ(Merged({{Symlink("a/l", "../../b/m", 1), Symlink("b/m", "/c", 2)}, {File("a/l/d/x", 3)}}),
            (TreeText{{"", kDefault},
                      {"a", kDefault},
                      {"a/l", "symlink 1 to ../../b/m"},
                      {"b", kDefault},
                      {"b/m", "symlink 2 to /c"},
                      {"c", kDefault},
                      {"c/d", kDefault},
                      {"c/d/x", "file 3"}}));
}

TEST(MergeLayers, AWhiteoutThroughASymlinkFromBelowSparesWhatItsLayerAdds) {
  EXPECT_EQ(Merged({{File("d/x", 1), File("d/y", 2), Symlink("l", "d", 3)},
                    {File("d/x", 4), File("l/.wh.x", 0), File("l/.wh.y", 0)}}),
            (TreeText{{"", kDefault}, {"d", kDefault}, {"d/x", "file 4"}, {"l", "symlink 3 to d"}}));
}

TEST(MergeLayers, AnOpaqueDirectoryMayBeNamedThroughASymlinkFromBelow) {
  EXPECT_EQ(Merged({{Directory("d", 1), File("d/x", 2), Symlink("l", "d", 3)}, {File("l/.wh..wh..opq", 0)}}),
            (TreeText{{"", kDefault}, {"d", "dir 1"}, {"l", "symlink 3 to d"}}));
}

TEST(MergeLayers, APathThroughASymlinkGoesWhereItLeadsAfterTheRestOfTheLayer) {
  EXPECT_EQ(Merged({{Symlink("l", "m", 1), Symlink("m", "d", 2)}, {File("l/x", 3), Symlink("m", "e", 4)}}),
            (TreeText{{"", kDefault},
                      {"e", kDefault},
                      {"e/x", "file 3"},
                      {"l", "symlink 1 to m"},
                      {"m", "symlink 4 to e"}}));
}

TEST(MergeLayers, ADirectorysEntryReplacesASymlinkFromBelow) {
  EXPECT_EQ(
      Merged({{File("d/x", 1), Symlink("l", "d", 2)}, {Directory("l", 3), File("l/y", 4)}}),
      (TreeText{{"", kDefault}, {"d", kDefault}, {"d/x", "file 1"}, {"l", "dir 3"}, {"l/y", "file 4"}}));
}

TEST(MergeLayers, ACircleOfSymlinksFromBelowIsRefused) {
  EXPECT_THAT(MergeError({{Symlink("a", "b", 1), Symlink("b", "a", 2)}, {File("a/x", 3)}}),
              AllOf(HasSubstr("layer 2: 'a'"), HasSubstr("40 symlinks")));
}

TEST(MergeLayers, APathThroughAFileFromBelowIsRefused) {
  EXPECT_THAT(MergeError({{}, {File("a/f", 1)}, {File("a/f/x", 2)}}),
              AllOf(HasSubstr("layer 3"), HasSubstr("a/f'"), HasSubstr("directory")));
  EXPECT_THAT(MergeError({{File("f", 1), Symlink("l", "f", 2)}, {File("l/x", 2)}}),
              AllOf(HasSubstr("layer 2"), HasSubstr("'l'"), HasSubstr("not a directory")));
}

TEST(MergeLayers, HardLinksWithinALayerStay) {
  EXPECT_EQ(Merged({{File("f", 1), HardLink("g", "f")}, {}}),
            (TreeText{{"", kDefault}, {"f", "file 1"}, {"g", "same as f"}}));
  EXPECT_EQ(Merged({{File("f", 1), HardLink("g", "f")}, {File("f", 2)}}),
            (TreeText{{"", kDefault}, {"f", "file 2"}, {"g", "file 1"}}));
}

TEST(MergeLayers, AHardLinkToAFileFromBelowIsAnotherNameOfIt) {
  EXPECT_EQ(
      Merged({{File("f", 1)}, {HardLink("g", "f"), HardLink("h", "g")}, {HardLink("i", "f")}}),
      (TreeText{
          {"", kDefault}, {"f", "file 1"}, {"g", "same as f"}, {"h", "same as f"}, {"i", "same as f"}}));
}

TEST(MergeLayers, AHardLinkAndAWhiteoutAreARename) {
  EXPECT_EQ(Merged({{File("f", 1)}, {HardLink("g", "f"), File(".wh.f", 0)}}),
            (TreeText{{"", kDefault}, {"g", "file 1"}}));
  EXPECT_EQ(Merged({{File("d/f", 1)}, {HardLink("g", "d/f"), File(".wh.d", 0)}}),
            (TreeText{{"", kDefault}, {"g", "file 1"}}));
}

TEST(MergeLayers, AHardLinkIsToWhatWasBelowThoughItsLayerReplacesThat) {
  EXPECT_EQ(Merged({{File("f", 1)}, {HardLink("g", "f"), File("f", 2)}}),
            (TreeText{{"", kDefault}, {"f", "file 2"}, {"g", "file 1"}}));
}

TEST(MergeLayers, AHardLinksTargetIsFoundThroughSymlinksFromBelow) {
  EXPECT_EQ(Merged({{File("d/f", 1), Symlink("l", "/d", 2)}, {HardLink("g", "l/f")}}),
            (TreeText{{"", kDefault},
                      {"d", kDefault},
                      {"d/f", "file 1"},
                      {"g", "same as d/f"},
                      {"l", "symlink 2 to /d"}}));
}

TEST(MergeLayers, AHardLinkMayBeToASymlinkFromBelowThatItsLayerGoesThrough) {
  EXPECT_EQ(
      Merged({{Symlink("l", "d", 1)}, {File("l/x", 2), HardLink("g", "l")}}),
      (TreeText{
          {"", kDefault}, {"d", kDefault}, {"d/x", "file 2"}, {"g", "symlink 1 to d"}, {"l", "same as g"}}));
  EXPECT_THAT(MergeError({{Directory("l", 1)}, {File("l/x", 2), HardLink("g", "l")}}),
              HasSubstr("is a directory"));
}

TEST(MergeLayers, AHardLinkToNothingOrToADirectoryIsRefused) {
  EXPECT_THAT(MergeError({{}, {HardLink("a/g", "f")}}),
              AllOf(HasSubstr("layer 2: hard link 'a/g' to 'f'"), HasSubstr("nowhere")));
  EXPECT_THAT(MergeError({{File("f", 1)}, {HardLink("g", "f/x")}}), HasSubstr("not a directory"));
  EXPECT_THAT(MergeError({{Directory("f", 1)}, {HardLink("g", "f")}}), HasSubstr("is a directory"));
}

TEST(MergeLayers, AHardLinkThatWasReplacedNeedsNoTarget) {
  EXPECT_EQ(Merged({{HardLink("g", "f"), File("g", 1)}}), (TreeText{{"", kDefault}, {"g", "file 1"}}));
}

TEST(MergeLayers, ExtentsAreOnTheirLayersDevice) {
  std::vector<LayerTree> layers;
  for (const uint16_t device : {3, 5}) {
    LayerTreeBuilder builder;
    ASSERT_TRUE(builder
                    .Add(File(absl::StrCat("f", device), 1),
                         {{.length = 4096}, {.file_offset = 8192, .length = 4096}})
                    .ok());
    layers.push_back({std::move(builder).Finish(), device});
  }
  const auto tree = MergeLayers(std::move(layers));
  ASSERT_TRUE(tree.ok()) << tree.status();
  for (const uint16_t device : {3, 5}) {
    for (const DataExtent& extent :
         tree->node(tree->Find(FileTree::kRoot, absl::StrCat("f", device))).extents) {
      EXPECT_EQ(extent.device, device);
    }
  }
}

TEST(MergeLayers, WhatIsHiddenIsNotInTheResult) {
  const std::vector<Entries> layers(50, {File("f", 1), File("d/g", 2), File("d/.wh..wh..opq", 0)});
  const auto tree = MergeTrees(layers);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->size(), 4u);
}

TEST(MergeLayers, ManyLayersOfManyFilesThatAreReplacedAreOne) {
  constexpr int kLayers = 20;
  constexpr int kFiles = 60 * 1000;  // together more than a tree may hold
  std::vector<LayerTree> layers;
  for (int layer = 0; layer < kLayers; ++layer) {
    LayerTreeBuilder builder;
    for (int i = 0; i < kFiles; ++i) {
      ASSERT_TRUE(builder.Add(File(absl::StrCat("d", i % 100, "/f", i), 1), {}).ok());
    }
    layers.push_back({std::move(builder).Finish(), 0});
  }
  const auto tree = MergeLayers(std::move(layers));
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->size(), kFiles + 101u);
}

TEST(MergeLayers, ATreeIsNoDeeperForSymlinks) {
  std::string deep = "n";
  for (int i = 1; i < 2040; ++i) deep += "/n";
  EXPECT_THAT(MergeError({{Directory(deep, 1), Symlink("l", deep, 1)}, {File("l/1/2/3/4/5/6/7/8/9/x", 2)}}),
              AllOf(HasSubstr("layer 2"), HasSubstr("2048 directories")));
}

}  // namespace
}  // namespace lacuna
