// The bytes that WriteErofs makes: what is in them, and what it refuses. How others read them:
// erofs_kernel_test.
#include "erofs-tools/erofs_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "absl/strings/match.h"
#include "erofs-tools/erofs_metadata.h"
#include "tests/erofs-tools/random_tree.h"

namespace lacuna {
namespace {

using testing::HasSubstr;

constexpr uint64_t kBlock = kBlockSize;
const std::vector<ErofsDevice> kOneDevice = {{"device", 1000 * kBlock}};

ErofsMetadata MetadataOf(const std::string& image) {
  const auto metadata = ReadErofsMetadata(image.size(), [&](const ByteRange& range) {
    return absl::StatusOr<std::string>(image.substr(range.offset, range.length));
  });
  EXPECT_TRUE(metadata.ok()) << metadata.status();
  return metadata.value_or(ErofsMetadata());
}

std::string ErrorOf(const FileTree& tree, const std::vector<ErofsDevice>& devices = kOneDevice) {
  const auto written = WriteErofs(tree, devices);
  EXPECT_FALSE(written.ok());
  EXPECT_EQ(written.status().code(), absl::StatusCode::kInvalidArgument) << written.status();
  return std::string(written.status().message());
}

std::string ErrorOfNode(FileNode node) {
  FileTree tree;
  const NodeId directory = AddTo(tree, FileTree::kRoot, "dir", DirectoryNode());
  AddTo(tree, directory, "node\n", std::move(node));
  return ErrorOf(tree);
}

TEST(ErofsWriter, AnEmptyTreeIsOneBlock) {
  const auto image = WriteErofs(FileTree(), {});
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_EQ(image->size(), kBlock);
  const ErofsMetadata metadata = MetadataOf(*image);
  EXPECT_EQ(metadata.superblock.inodes, 1);
  EXPECT_EQ(metadata.superblock.feature_incompat, 0);
  EXPECT_TRUE(metadata.devices.empty());
}

TEST(ErofsWriter, NamesItsDevices) {
  FileTree tree;
  AddTo(tree, FileTree::kRoot, "f", FileOf(1, {{0, 0, kBlock, 1}}));
  const auto image = WriteErofs(tree, {{"first", 7 * kBlock}, {std::string(64, 'x'), 9 * kBlock}});
  ASSERT_TRUE(image.ok()) << image.status();
  const ErofsMetadata metadata = MetadataOf(*image);
  ASSERT_EQ(metadata.devices.size(), 2);
  EXPECT_EQ(metadata.devices[0].tag, "first");
  EXPECT_EQ(metadata.devices[0].blocks, 7);
  EXPECT_EQ(metadata.devices[1].tag, std::string(64, 'x'));
  EXPECT_EQ(metadata.devices[1].blocks, 9);
}

TEST(ErofsWriter, TheSameTreeGivesTheSameBytesAndAnotherOneAnotherUuid) {
  const auto make = [](unsigned seed) {
    return *WriteErofs(RandomTree(seed, {100}).Make(200), {{"device", 100 * kBlock}});
  };
  const std::string image = make(1);
  EXPECT_EQ(image, make(1));
  EXPECT_NE(MetadataOf(image).superblock.UuidText(), MetadataOf(make(2)).superblock.UuidText());
  EXPECT_EQ(MetadataOf(image).superblock.UuidText()[14], '8');
}

TEST(ErofsWriter, TheMostFrequentTimeIsTheEpoch) {
  FileTree tree;
  tree.node(FileTree::kRoot).mtime = 5;
  for (const auto& [name, time] : {std::pair{"a", 9}, {"b", 7}, {"c", 9}, {"d", 7}, {"e", 1}}) {
    FileNode node = FileOf(0, {});
    node.mtime = time;
    AddTo(tree, FileTree::kRoot, name, node);
  }
  EXPECT_EQ(MetadataOf(*WriteErofs(tree, {})).superblock.build_time, 7);
}

TEST(ErofsWriter, WritesOnlyWhatDirectoriesName) {
  FileTree tree;
  AddTo(tree, FileTree::kRoot, "name", FileOf(0, {}));
  const std::string before = *WriteErofs(tree, {});
  FileNode whiteout;
  whiteout.type = FileType::kWhiteout;
  ASSERT_TRUE(tree.Add(whiteout).ok());
  EXPECT_EQ(*WriteErofs(tree, {}), before);
}

TEST(ErofsWriter, ManyXattrsThatAreTheSameTakeLittleSpace) {
  FileTree tree;
  for (int i = 0; i < 1000; ++i) {
    FileNode node = FileOf(0, {});
    node.xattrs = {{"security.selinux", std::string(1000, 'x')}};
    AddTo(tree, FileTree::kRoot, absl::StrCat(i), node);
  }
  EXPECT_LT(WriteErofs(tree, {})->size(), 100'000);
}

TEST(ErofsWriter, AMillionInodesAreBoundedByTheirNames) {
  FileTree tree;
  NodeId directory = FileTree::kRoot;
  for (int i = 0; i < 1'000'000; ++i) {
    if (i % 100'000 == 0) directory = AddTo(tree, FileTree::kRoot, absl::StrCat("d", i), DirectoryNode());
    AddTo(tree, directory, absl::StrCat("file-", i), FileOf(4096, {{0, 4096, 4096, 0}}));
  }
  const auto image = WriteErofs(tree, kOneDevice);
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_LT(image->size(), 1'000'010 * (64 + 12 + 12));
}

TEST(ErofsWriterRefuses, TreesOfSingleLayers) {
  FileNode node;
  node.type = FileType::kWhiteout;
  EXPECT_THAT(ErrorOfNode(node), HasSubstr("/dir/node\\x0a: "));
  node.type = FileType::kLowerLink;
  node.target = "elsewhere";
  EXPECT_THAT(ErrorOfNode(node), HasSubstr("cannot be mounted alone"));
}

TEST(ErofsWriterRefuses, ADirectoryWithTwoNamesAndSoEveryLoop) {
  FileTree tree;
  const NodeId child = AddTo(tree, FileTree::kRoot, "child", DirectoryNode());
  ASSERT_TRUE(tree.Link(child, "loop", child).ok());
  EXPECT_THAT(ErrorOf(tree), HasSubstr("/child/loop: this directory has a second name"));
  FileTree to_root;
  ASSERT_TRUE(to_root.Link(FileTree::kRoot, "loop", FileTree::kRoot).ok());
  EXPECT_THAT(ErrorOf(to_root), HasSubstr("/loop: "));
}

TEST(ErofsWriterRefuses, Names) {
  for (const std::string& name : {std::string(256, 'x'), std::string(), std::string("."), std::string(".."),
                                  std::string("a/b"), std::string("a\0b", 3)}) {
    FileTree tree;
    AddTo(tree, FileTree::kRoot, name, FileOf(0, {}));
    EXPECT_THAT(ErrorOf(tree), testing::StartsWith("/")) << name;
  }
}

TEST(ErofsWriterRefuses, SymlinkTargets) {
  for (const std::string& target : {std::string(), std::string(4096, 'x'), std::string("a\0b", 3)}) {
    EXPECT_THAT(ErrorOfNode(SymlinkTo(target)), HasSubstr("/dir/node")) << target;
  }
}

TEST(ErofsWriterRefuses, DeviceNumbersAndTimes) {
  FileNode node;
  node.type = FileType::kCharDevice;
  node.device_major = 4096;
  EXPECT_THAT(ErrorOfNode(node), HasSubstr("4095"));
  node.device_major = 0;
  node.device_minor = 1 << 20;
  EXPECT_THAT(ErrorOfNode(node), HasSubstr("1048575"));
  node.device_minor = 0;
  node.mtime_nanoseconds = 1'000'000'000;
  EXPECT_THAT(ErrorOfNode(node), HasSubstr("nanoseconds"));
}

TEST(ErofsWriterRefuses, Xattrs) {
  for (const Xattr& xattr :
       {Xattr{"system.other", ""}, Xattr{"user.", ""}, Xattr{"system.posix_acl_access2", ""},
        Xattr{"user." + std::string(256, 'n'), ""}, Xattr{"user.long", std::string(65536, 'v')}}) {
    FileNode node = FileOf(0, {});
    node.xattrs = {xattr};
    EXPECT_THAT(ErrorOfNode(node), HasSubstr("/dir/node\\x0a: extended attribute ")) << xattr.name;
  }
  FileNode node = FileOf(0, {});
  for (int i = 0; i < 5; ++i) node.xattrs.push_back({absl::StrCat("user.", i), std::string(60'000, 'v')});
  EXPECT_THAT(ErrorOfNode(node), HasSubstr("bytes of extended attributes"));
}

TEST(ErofsWriterRefuses, Extents) {
  const uint64_t far = uint64_t{1} << 63;
  const std::vector<std::vector<DataExtent>> bad = {
      {{1, 0, kBlock, 0}},                              // misaligned
      {{0, 1, kBlock, 0}},                              //
      {{0, 0, 1, 0}},                                   //
      {{0, 0, 0, 0}},                                   // empty
      {{0, 0, kBlock, 1}},                              // no such device
      {{0, 0, 4 * kBlock, 0}},                          // behind the end of the file
      {{4 * kBlock, 0, kBlock, 0}},                     //
      {{0, 1000 * kBlock, kBlock, 0}},                  // behind the end of the device
      {{0, 999 * kBlock, 2 * kBlock, 0}},               //
      {{0, far, kBlock, 0}, {far, 0, kBlock, 0}},       //
      {{kBlock, 0, kBlock, 0}, {0, 0, kBlock, 0}},      // out of order
      {{0, 0, 2 * kBlock, 0}, {kBlock, 0, kBlock, 0}},  // overlapping
  };
  for (const auto& extents : bad) {
    EXPECT_THAT(ErrorOfNode(FileOf(2 * kBlock + 1, extents)), HasSubstr("/dir/node\\x0a: its extent "));
  }
  EXPECT_THAT(ErrorOfNode(FileOf(far, {})), HasSubstr("2^63"));
}

TEST(ErofsWriterRefuses, WhatNeedsTooManyChunks) {
  const uint64_t size = uint64_t{1} << 40;
  EXPECT_THAT(ErrorOfNode(FileOf(size, {{kBlock, 0, kBlock, 0}})), HasSubstr("less sparse"));
  FileTree tree;
  for (int i = 0; i < 9; ++i) {
    AddTo(tree, FileTree::kRoot, absl::StrCat(i), FileOf(size / 16, {{kBlock, 0, kBlock, 0}}));
  }
  EXPECT_EQ(WriteErofs(tree, kOneDevice).status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(ErofsWriterRefuses, Devices) {
  EXPECT_THAT(ErrorOf(FileTree(), {{"odd", 4095}}), HasSubstr("device 0"));
  EXPECT_THAT(ErrorOf(FileTree(), {{std::string(65, 'x'), 4096}}), HasSubstr("tags"));
  EXPECT_THAT(ErrorOf(FileTree(), {{"long", kBlock << 32}}), HasSubstr("2^32"));
  EXPECT_THAT(ErrorOf(FileTree(), std::vector<ErofsDevice>(65536)), HasSubstr("65535"));
}

}  // namespace
}  // namespace lacuna
