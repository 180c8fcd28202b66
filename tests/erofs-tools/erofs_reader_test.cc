// What is read of images that WriteErofs and mkfs.erofs made, and what is found in damaged ones.
#include "erofs-tools/erofs_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "erofs-tools/erofs_check.h"
#include "erofs-tools/erofs_writer.h"
#include "erofs-tools/tiny_image.h"
#include "tests/erofs-tools/command.h"
#include "tests/erofs-tools/image_edit.h"
#include "tests/erofs-tools/random_tree.h"
#include "tests/erofs-tools/read_tree.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

absl::StatusOr<ErofsSummary> Check(const std::string& image, const std::vector<uint64_t>& devices = {}) {
  ASSIGN_OR_RETURN(ErofsReader reader, ErofsReader::Open(image.size(), ReaderOf(image), devices));
  return CheckErofs(reader);
}

// Both in the same order of visiting; the ids of two trees may differ.
void ExpectEqualTrees(const FileTree& a, const FileTree& b) {
  std::map<NodeId, NodeId> same = {{FileTree::kRoot, FileTree::kRoot}};
  std::vector<std::pair<NodeId, NodeId>> to_visit = {{FileTree::kRoot, FileTree::kRoot}};
  while (!to_visit.empty()) {
    const auto [id_a, id_b] = to_visit.back();
    to_visit.pop_back();
    const FileNode& x = a.node(id_a);
    const FileNode& y = b.node(id_b);
    EXPECT_EQ(std::tie(x.type, x.permissions, x.uid, x.gid, x.device_major, x.device_minor, x.mtime,
                       x.mtime_nanoseconds, x.size, x.target, x.extents, x.xattrs),
              std::tie(y.type, y.permissions, y.uid, y.gid, y.device_major, y.device_minor, y.mtime,
                       y.mtime_nanoseconds, y.size, y.target, y.extents, y.xattrs));
    ASSERT_EQ(x.children.size(), y.children.size());
    for (auto i = x.children.begin(), k = y.children.begin(); i != x.children.end(); ++i, ++k) {
      EXPECT_EQ(i->first, k->first);
      const auto [known, is_new] = same.emplace(i->second, k->second);
      EXPECT_EQ(known->second, k->second) << "another hard link";
      if (is_new) to_visit.emplace_back(i->second, k->second);
    }
  }
}

TEST(ErofsReader, RandomTreesComeBackAsTheyWere) {
  const std::vector<uint64_t> blocks = {300, 1000, uint64_t{1} << 30};
  for (unsigned seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(seed);
    const FileTree tree = RandomTree(seed, blocks).Make(static_cast<int>(seed * 20));
    std::vector<ErofsDevice> devices;
    for (const uint64_t count : blocks) devices.push_back({"tag", count * kBlockSize});
    const std::string image = *WriteErofs(tree, devices);
    const auto read = ReadTree(image);
    ASSERT_TRUE(read.ok()) << read.status();
    ExpectEqualTrees(tree, *read);
    const auto checked = Check(image);
    ASSERT_TRUE(checked.ok()) << checked.status();
    EXPECT_EQ(checked->inodes, tree.size());
  }
}

TEST(ErofsReader, DeepAndWideTrees) {
  FileTree tree;
  NodeId directory = FileTree::kRoot;
  for (int i = 0; i < 2000; ++i) directory = AddTo(tree, directory, "deep", DirectoryNode());
  for (int i = 0; i < 20'000; ++i) AddTo(tree, directory, absl::StrCat("wide", i), FileOf(0, {}));
  const auto checked = Check(*WriteErofs(tree, {}));
  ASSERT_TRUE(checked.ok()) << checked.status();
  EXPECT_EQ(checked->directories, 2001);
  EXPECT_EQ(checked->regular_files, 20'000);
}

TEST(ErofsReader, SaysWhereBytesAre) {
  FileTree tree;
  const DataExtent first{0, 7 * kBlockSize, 4 * kBlockSize, 1};
  const DataExtent second{6 * kBlockSize, 0, 3 * kBlockSize, 0};
  AddTo(tree, FileTree::kRoot, "f", FileOf(9 * kBlockSize - 1, {first, second}));
  const std::string image = *WriteErofs(tree, {{"a", 3 * kBlockSize}, {"b", 11 * kBlockSize}});
  auto reader = *ErofsReader::Open(image.size(), ReaderOf(image));
  const auto root = *reader.ReadDirectory(*reader.ReadInode(reader.metadata().superblock.root_nid));
  ASSERT_EQ(root.back().name, "f");
  EXPECT_THAT(*reader.ReadExtents(*reader.ReadInode(root.back().nid)),
              ElementsAre(ErofsExtent{0, 4 * kBlockSize, 7 * kBlockSize, 2},
                          ErofsExtent{6 * kBlockSize, 3 * kBlockSize - 1, 0, 1}));
  const auto summary = Check(image);
  ASSERT_TRUE(summary.ok());
  EXPECT_EQ(summary->file_bytes, 9 * kBlockSize - 1);
  EXPECT_EQ(summary->hole_bytes, 2 * kBlockSize);
  // A device that is shorter than its files need.
  EXPECT_THAT(Check(image, {3 * kBlockSize, 10 * kBlockSize}).status().message(), HasSubstr("/f: its bytes"));
}

TEST(ErofsReader, ReadsTheTinyImage) {
  const auto summary = Check(TinyErofsImage("name", std::string(10'000, 'x')));
  ASSERT_TRUE(summary.ok()) << summary.status();
  EXPECT_EQ(summary->regular_files, 1);
  EXPECT_EQ(summary->file_bytes, 10'000);
}

// Everything that a check can notice is noticed, and nothing makes it fail badly.
TEST(ErofsReader, NoBitFlipMakesItCrashAndMostAreFound) {
  const FileTree tree = RandomTree(3, {100}).Make(60);
  const std::string image = *WriteErofs(tree, {{"tag", 100 * kBlockSize}});
  int found = 0;
  int tried = 0;
  for (size_t offset = 1024; offset < image.size(); offset += 11) {
    std::string damaged = image;
    damaged[offset] = static_cast<char>(damaged[offset] ^ (1 << offset % 8));
    FixChecksum(damaged);
    ++tried;
    if (!Check(damaged).ok()) ++found;
  }
  EXPECT_GT(found, tried / 20);
}

class DamagedImage : public testing::Test {
 protected:
  // /dir/file with two names, /dir/link, and /other.
  DamagedImage() {
    const NodeId directory = AddTo(tree_, FileTree::kRoot, "dir", DirectoryNode());
    FileNode file = FileOf(5, {{0, 0, kBlockSize, 0}});
    file.xattrs = {{"user.a", "own"}, {"user.b", std::string(100, 'b')}};
    const NodeId id = AddTo(tree_, directory, "file", file);
    EXPECT_TRUE(tree_.Link(FileTree::kRoot, "second", id).ok());
    AddTo(tree_, directory, "link", SymlinkTo("somewhere"));
    FileNode other = FileOf(100 * kBlockSize, {{3 * kBlockSize, 0, kBlockSize, 0}});
    other.xattrs = {{"user.b", std::string(100, 'b')}};
    AddTo(tree_, FileTree::kRoot, "other", other);
    image_ = *WriteErofs(tree_, {{"tag", kBlockSize}});
    EXPECT_TRUE(Check(image_).ok()) << Check(image_).status();
  }

  // The offset of the inode that `path` names.
  size_t InodeAt(const std::vector<std::string>& path) const {
    std::string image = image_;
    FixChecksum(image);
    auto reader = *ErofsReader::Open(image.size(), ReaderOf(image));
    auto inode = *reader.ReadInode(reader.metadata().superblock.root_nid);
    for (const std::string& name : path) {
      const std::vector<ErofsDirent> entries = *reader.ReadDirectory(inode);
      for (const ErofsDirent& entry : entries) {
        if (entry.name == name) inode = *reader.ReadInode(entry.nid);
      }
    }
    return inode.offset;
  }
  // That of an entry's first byte.
  size_t EntryAt(const std::vector<std::string>& path, size_t index) const {
    return InodeAt(path) + compact_inode::kSize + index * directory_entry::kSize;
  }

  template <typename Unsigned>
  void Put(size_t offset, Unsigned value) {
    StoreLittleEndian<Unsigned>(value, absl::MakeSpan(image_), offset);
  }

  std::string Found() {
    FixChecksum(image_);
    const absl::Status status = Check(image_).status();
    EXPECT_TRUE(IsIntegrityError(status)) << status;
    return std::string(status.message());
  }

  FileTree tree_;
  std::string image_;
};

TEST_F(DamagedImage, ModesSizesAndFormats) {
  Put<uint16_t>(InodeAt({"dir", "link"}) + inode_field::kMode, 0);
  EXPECT_THAT(Found(), HasSubstr("/dir/link: its mode 0"));
}

TEST_F(DamagedImage, CompressedFilesAreNamed) {
  Put<uint16_t>(InodeAt({"other"}) + inode_field::kFormat, 1 << kFormatLayoutShift);
  FixChecksum(image_);
  const absl::Status status = Check(image_).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnimplemented);
  EXPECT_THAT(status.message(), HasSubstr("/other: its data is compressed"));
}

TEST_F(DamagedImage, LinkCounts) {
  const std::string sound = image_;
  for (const uint16_t links : {1, 3}) {
    image_ = sound;
    Put<uint16_t>(InodeAt({"second"}) + compact_inode::kLinks, links);
    EXPECT_THAT(Found(), HasSubstr(": its inode has a link count of "));
  }
  image_ = sound;
  Put<uint16_t>(InodeAt({"dir"}) + compact_inode::kLinks, 3);
  EXPECT_THAT(Found(), HasSubstr("/dir: it has 0 directories"));
}

TEST_F(DamagedImage, ADirectoryWithinItself) {
  // Entries of /dir: ".", "..", "file", "link".
  const auto nid = LoadLittleEndian<uint64_t>(image_, EntryAt({"dir"}, 0));
  Put<uint64_t>(EntryAt({"dir"}, 2) + directory_entry::kNid, nid);
  Put<uint8_t>(EntryAt({"dir"}, 2) + directory_entry::kType, 2);
  EXPECT_THAT(Found(), HasSubstr("/dir/file: this directory is in two places"));
}

TEST_F(DamagedImage, DotsThatLeadElsewhere) {
  Put<uint64_t>(EntryAt({"dir"}, 1) + directory_entry::kNid,
                LoadLittleEndian<uint64_t>(image_, EntryAt({"dir"}, 0)));
  EXPECT_THAT(Found(), HasSubstr("/dir: its entries . and .."));
}

TEST_F(DamagedImage, EntryTypes) {
  const std::string sound = image_;
  Put<uint8_t>(EntryAt({"dir"}, 3) + directory_entry::kType, 1);
  EXPECT_THAT(Found(), HasSubstr("/dir/link: its inode is of another type"));
  image_ = sound;
  Put<uint8_t>(EntryAt({"dir"}, 3) + directory_entry::kType, 2);
  EXPECT_THAT(Found(), HasSubstr("/dir/link: its inode is no directory"));
  image_ = sound;
  Put<uint8_t>(EntryAt({"dir"}, 3) + directory_entry::kType, 9);
  EXPECT_THAT(Found(), HasSubstr("/dir: its entry link is of the unknown type 9"));
}

TEST_F(DamagedImage, Names) {
  const std::string sound = image_;
  const size_t names = EntryAt({"dir"}, 4);
  for (const auto& [offset, byte, message] :
       {std::tuple{3, '/', "which no file can have"}, std::tuple{3, '\0', "which no file can have"},
        std::tuple{3, 'z', "out of order"}, std::tuple{1, '!', "out of order"}}) {
    image_ = sound;
    image_[names + static_cast<size_t>(offset)] = byte;
    EXPECT_THAT(Found(), testing::AllOf(HasSubstr("/dir: "), HasSubstr(message)));
  }
  for (const int offset : {0, 11, 12, 10'000}) {
    image_ = sound;
    Put<uint16_t>(EntryAt({"dir"}, 0) + directory_entry::kNameOffset, static_cast<uint16_t>(offset));
    EXPECT_THAT(Found(), HasSubstr("/dir: "));
  }
  image_ = sound;
  Put<uint16_t>(EntryAt({"dir"}, 2) + directory_entry::kNameOffset, 4000);
  EXPECT_THAT(Found(), HasSubstr("overlap"));
}

TEST_F(DamagedImage, NumbersOutsideOfTheImage) {
  Put<uint64_t>(EntryAt({"dir"}, 3) + directory_entry::kNid, uint64_t{1} << 60);
  EXPECT_THAT(Found(), HasSubstr("/dir/link: the inode number"));
  Put<uint64_t>(EntryAt({"dir"}, 3) + directory_entry::kNid, image_.size() / 32 - 1);
  EXPECT_THAT(Found(), HasSubstr("/dir/link: "));
}

TEST_F(DamagedImage, ChunkMaps) {
  const std::string sound = image_;
  const size_t inode = InodeAt({"other"});
  const size_t map =
      RoundUp(inode + compact_inode::kSize + xattr_header::kSize + kSharedXattrIdSize, chunk_index::kSize);
  Put<uint32_t>(map + 3 * chunk_index::kSize + chunk_index::kBlock, 1);
  EXPECT_THAT(Found(), HasSubstr("/other: its bytes [12288, 16384) should be at offset 4096 of device 1"));
  image_ = sound;
  Put<uint16_t>(map + 3 * chunk_index::kSize + chunk_index::kDevice, 2);
  EXPECT_THAT(Found(), HasSubstr("device 2"));
  image_ = sound;
  Put<uint32_t>(inode + compact_inode::kFileSize, ~uint32_t{0});
  EXPECT_THAT(Found(), HasSubstr("/other: its map of 1048576 chunks"));
}

TEST_F(DamagedImage, Xattrs) {
  const std::string sound = image_;
  const size_t xattrs = InodeAt({"second"}) + compact_inode::kSize;
  const size_t own = xattrs + xattr_header::kSize + kSharedXattrIdSize;
  for (const auto& [offset, byte, message] :
       {std::tuple{xattrs + xattr_header::kSharedCount, '\x7f', "do not fit"},
        std::tuple{own + xattr_entry::kNameLength, '\x7f', "cut short"},
        std::tuple{own + xattr_entry::kNameLength, '\0', "none can have"},
        std::tuple{own + xattr_entry::kPrefix, '\x09', "unknown namespace 9"},
        std::tuple{own + xattr_entry::kValueLength + 1, '\x7f', "cut short"},
        std::tuple{own + xattr_entry::kSize, '\0', "none can have"},
        std::tuple{own + xattr_entry::kSize, 'b', "user.b is there twice"},
        std::tuple{xattrs + xattr_header::kSize + 3, '\x7f', "outside the image"}}) {
    image_ = sound;
    image_[offset] = byte;
    EXPECT_THAT(Found(), testing::AllOf(HasSubstr("/dir/file: "), HasSubstr(message)));
  }
}

TEST_F(DamagedImage, MoreInodesThanTheSuperblockSays) {
  Poke<uint64_t>(image_, superblock_field::kInodes, 3);
  EXPECT_THAT(Found(), HasSubstr("more inodes"));
}

// Thousands of files that all claim the same chunk map.
TEST(ErofsReader, OverlappingPartsDoNotMakeEndlessWork) {
  FileTree tree;
  for (int i = 0; i < 4000; ++i) AddTo(tree, FileTree::kRoot, absl::StrCat(10'000 + i), FileOf(1 << 20, {}));
  std::string image = *WriteErofs(tree, {});
  auto reader = *ErofsReader::Open(image.size(), ReaderOf(image));
  const auto root = *reader.ReadDirectory(*reader.ReadInode(reader.metadata().superblock.root_nid));
  for (const ErofsDirent& entry : root) {
    if (entry.type != S_IFREG) continue;
    const size_t inode = reader.ReadInode(entry.nid)->offset;
    // 4 KiB chunks by a block map: what follows in the image is taken for addresses.
    StoreLittleEndian<uint32_t>(0, absl::MakeSpan(image), inode + compact_inode::kUnion);
    StoreLittleEndian<uint32_t>(uint32_t{1} << 24, absl::MakeSpan(image), inode + compact_inode::kFileSize);
  }
  image.resize(image.size() + (1 << 20));
  Poke<uint32_t>(image, superblock_field::kBlocks, static_cast<uint32_t>(image.size() / kBlockSize));
  FixChecksum(image);
  const absl::Status status = Check(image).status();
  EXPECT_TRUE(IsIntegrityError(status)) << status;
}

class MkfsTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!HasProgram("mkfs.erofs")) GTEST_SKIP() << "needs erofs-utils";
    std::string folder = testing::TempDir() + "erofs_reader.XXXXXX";
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    folder_ = folder;
    std::filesystem::create_directories(Tree("sub/deeper"));
    std::filesystem::create_directories(Tree("empty"));
    std::ofstream(Tree("text")) << std::string(100'000, 'a');
    std::ofstream(Tree("sub/small")) << "small";
    std::ofstream(Tree("sub/nothing"));
    std::filesystem::create_hard_link(Tree("text"), Tree("sub/deeper/hard"));
    std::filesystem::create_symlink("text", Tree("link"));
    std::filesystem::create_symlink(std::string(1000, 'x'), Tree("long-link"));
    mkfifo(Tree("fifo").c_str(), 0600);
    for (int i = 0; i < 500; ++i) std::ofstream(Tree(absl::StrCat("sub/many-files-", i))) << i;
    std::ofstream sparse(Tree("sparse"));
    sparse.seekp(10 << 20);
    sparse << "end";
    sparse.close();
    RunCommand("setfattr -n user.one -v 1 " + Tree("text") + " " + Tree("sub/small") + " " + Tree("sub"));
    RunCommand("setfattr -n user.two -v 22222222222222222222222 " + Tree("text") + " " + Tree("sub/small"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string Tree(const std::string& name) const { return folder_ + "/tree/" + name; }

  absl::StatusOr<ErofsSummary> Make(const std::string& options) {
    const std::string path = folder_ + "/image";
    const CommandResult made =
        RunCommand(absl::StrCat("mkfs.erofs ", options, " ", path, " ", folder_, "/tree"));
    EXPECT_EQ(made.status, 0) << made.output;
    std::ifstream file(path, std::ios::binary);
    image_ = std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    return Check(image_);
  }

  std::string folder_;
  std::string image_;
};

TEST_F(MkfsTest, WhatItWritesIsSound) {
  const std::string blob = folder_ + "/blob";
  for (const std::string& options :
       {std::string(), std::string("-x1"), std::string("-x-1"), std::string("-Enoinline_data"),
        std::string("-Elegacy-compress"), std::string("-Eforce-inode-compact"),
        std::string("-Eforce-inode-extended"), std::string("--chunksize=4096"),
        std::string("--chunksize=65536"), std::string("-Eforce-chunk-indexes --chunksize=4096"),
        std::string("--ignore-mtime"), absl::StrCat("--chunksize=4096 --blobdev=", blob),
        absl::StrCat("--chunksize=1048576 --blobdev=", blob)}) {
    const auto summary = Make(options);
    ASSERT_TRUE(summary.ok()) << options << ": " << summary.status();
    EXPECT_EQ(summary->directories, 4) << options;
    EXPECT_EQ(summary->regular_files, 504) << options;
    EXPECT_EQ(summary->symlinks, 2);
    EXPECT_EQ(summary->fifos, 1);
    EXPECT_EQ(summary->names, summary->inodes + 1);
  }
}

TEST_F(MkfsTest, CompressedFilesAreRefusedByName) {
  const auto summary = Make("-zlz4hc");
  EXPECT_EQ(summary.status().code(), absl::StatusCode::kUnimplemented) << summary.status();
  EXPECT_THAT(summary.status().message(), HasSubstr(": its data is compressed"));
}

}  // namespace
}  // namespace lacuna
