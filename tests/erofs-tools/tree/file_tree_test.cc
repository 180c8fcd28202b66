// FileTree: its limits, and where its directories are.
#include "erofs-tools/tree/file_tree.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(FileTree, ADirectoryKnowsItsPlace) {
  FileTree tree;
  const NodeId usr = *tree.Add(ImpliedDirectory());
  const NodeId bin = *tree.Add(ImpliedDirectory());
  ASSERT_TRUE(tree.Link(FileTree::kRoot, "usr", usr).ok());
  ASSERT_TRUE(tree.Link(usr, "bin", bin).ok());
  EXPECT_EQ(tree.parent(bin), usr);
  EXPECT_EQ(tree.parent(FileTree::kRoot), FileTree::kRoot);
  EXPECT_EQ(tree.DirectoryPath(bin), "usr/bin");
  EXPECT_EQ(tree.DirectoryPath(FileTree::kRoot), "");
  EXPECT_EQ(tree.Find(usr, "bin"), bin);
  EXPECT_EQ(tree.Find(usr, "lib"), kNoNode);
}

TEST(FileTree, HoldsNoMoreNodesThanItsLimit) {
  FileTree tree({.nodes = 3});
  EXPECT_TRUE(tree.Add({}).ok());
  EXPECT_TRUE(tree.Add({}).ok());
  EXPECT_EQ(tree.Add({}).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(FileTree, HoldsNoMoreTextThanItsLimit) {
  FileTree tree({.text_bytes = 10});
  const NodeId node = *tree.Add({.target = "1", .xattrs = {{"2", "3"}}});
  ASSERT_TRUE(tree.SetAttributes(FileTree::kRoot, {.xattrs = {{"4", "5"}}}).ok());
  EXPECT_EQ(tree.text_bytes(), 5u);
  EXPECT_TRUE(tree.Link(FileTree::kRoot, "67890", node).ok());
  EXPECT_EQ(tree.Link(FileTree::kRoot, "1", node).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(tree.SetAttributes(FileTree::kRoot, {.xattrs = {{"4", "5"}}}).code(),
            absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace lacuna
