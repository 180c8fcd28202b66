// Compares a tree that a kernel shows with the FileTree that it was made of. One thread.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/escape.h"
#include "daemon/base/unique_fd.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

// What a test's devices hold: every block tells which it is.
inline std::string DeviceBytes(uint16_t device, uint64_t offset, uint64_t length) {
  std::string bytes(length, '\0');
  for (uint64_t i = 0; i < length; ++i) {
    const uint64_t at = offset + i;
    bytes[i] = static_cast<char>(1 + (at / kBlockSize * 31 + at % kBlockSize * 7 + device * 13) % 255);
  }
  return bytes;
}

class MountedTree {
 public:
  explicit MountedTree(const FileTree& tree) : tree_(tree) {}

  // Reports what differs as failures of the test.
  void Compare(const std::string& mount_point) {
    const UniqueFd root(open(mount_point.c_str(), O_RDONLY | O_DIRECTORY));
    ASSERT_TRUE(root.valid());
    CountLinks();
    CompareNode(AT_FDCWD, mount_point, FileTree::kRoot);
    CompareDirectory(root.get(), FileTree::kRoot);
  }

 private:
  void CountLinks() {
    std::set<NodeId> seen = {FileTree::kRoot};
    std::vector<NodeId> directories = {FileTree::kRoot};
    links_[FileTree::kRoot] = 2;
    while (!directories.empty()) {
      const NodeId directory = directories.back();
      directories.pop_back();
      for (const auto& [name, id] : tree_.node(directory).children) {
        if (tree_.node(id).type == FileType::kDirectory) {
          links_[id] = 2;
          ++links_[directory];
          directories.push_back(id);
        } else {
          ++links_[id];
        }
      }
    }
  }

  void CompareDirectory(int fd, NodeId id) {
    std::set<std::string> names;
    DIR* const listing = fdopendir(dup(fd));
    ASSERT_NE(listing, nullptr);
    while (const dirent* entry = readdir(listing)) names.insert(entry->d_name);
    closedir(listing);
    std::set<std::string> wanted = {".", ".."};
    for (const auto& [name, child] : tree_.node(id).children) wanted.insert(name);
    EXPECT_EQ(names, wanted);
    for (const auto& [name, child] : tree_.node(id).children) {
      CompareNode(fd, name, child);
      if (tree_.node(child).type != FileType::kDirectory) continue;
      const UniqueFd directory(openat(fd, name.c_str(), O_RDONLY | O_DIRECTORY));
      ASSERT_TRUE(directory.valid()) << EscapeForTerminal(name);
      CompareDirectory(directory.get(), child);
    }
  }

  void CompareNode(int parent, const std::string& name, NodeId id) {
    SCOPED_TRACE(EscapeForTerminal(name));
    const FileNode& node = tree_.node(id);
    struct stat info = {};
    ASSERT_EQ(fstatat(parent, name.c_str(), &info, AT_SYMLINK_NOFOLLOW), 0);
    EXPECT_EQ(info.st_mode, TypeOf(node.type) | node.permissions);
    EXPECT_EQ(info.st_uid, node.uid);
    EXPECT_EQ(info.st_gid, node.gid);
    EXPECT_EQ(info.st_mtim.tv_sec, node.mtime);
    EXPECT_EQ(info.st_mtim.tv_nsec, node.mtime_nanoseconds);
    EXPECT_EQ(info.st_nlink, links_[id]);
    const auto [inode, is_new] = inodes_.emplace(id, info.st_ino);
    EXPECT_EQ(inode->second, info.st_ino) << "no hard link";
    if (!is_new) return;
    CompareXattrs(parent, name, node);
    if (node.type == FileType::kCharDevice || node.type == FileType::kBlockDevice) {
      EXPECT_EQ(info.st_rdev, makedev(node.device_major, node.device_minor));
    } else if (node.type == FileType::kSymlink) {
      std::string target(8192, '\0');
      target.resize(std::max<ssize_t>(0, readlinkat(parent, name.c_str(), target.data(), target.size())));
      EXPECT_EQ(target, node.target);
    } else if (node.type == FileType::kRegular) {
      EXPECT_EQ(static_cast<uint64_t>(info.st_size), node.size);
      CompareBody(parent, name, node);
    }
  }

  // All of the extents, and a block before and behind each.
  static void CompareBody(int parent, const std::string& name, const FileNode& node) {
    const UniqueFd file(openat(parent, name.c_str(), O_RDONLY));
    ASSERT_TRUE(file.valid());
    uint64_t hole = 0;
    for (const DataExtent& extent : node.extents) {
      if (extent.file_offset > hole) ExpectZeros(file.get(), extent.file_offset - kBlockSize, node.size);
      const uint64_t length = std::min(extent.length, node.size - extent.file_offset);
      std::string bytes(length, '\0');
      ASSERT_EQ(pread(file.get(), bytes.data(), length, static_cast<off_t>(extent.file_offset)),
                static_cast<ssize_t>(length));
      EXPECT_TRUE(bytes == DeviceBytes(extent.device, extent.device_offset, length)) << extent.file_offset;
      hole = extent.file_end();
    }
    if (hole < node.size) {
      ExpectZeros(file.get(), hole, node.size);
      ExpectZeros(file.get(), (node.size - 1) / kBlockSize * kBlockSize, node.size);
    }
  }

  static void ExpectZeros(int file, uint64_t offset, uint64_t size) {
    std::string bytes(std::min(kBlockSize, size - offset), 'x');
    ASSERT_EQ(pread(file, bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
    EXPECT_TRUE(bytes == std::string(bytes.size(), '\0')) << offset;
  }

  static void CompareXattrs(int parent, const std::string& name, const FileNode& node) {
    const UniqueFd directory(openat(parent, ".", O_RDONLY | O_DIRECTORY));
    const std::string path =
        name.front() == '/'
            ? name
            : absl::StrCat("/proc/self/fd/", directory.valid() ? directory.get() : parent, "/", name);
    std::string list(1 << 16, '\0');
    list.resize(std::max<ssize_t>(0, llistxattr(path.c_str(), list.data(), list.size())));
    std::set<std::string> names;
    for (const auto& xattr : absl::StrSplit(list, '\0', absl::SkipEmpty())) names.insert(std::string(xattr));
    std::set<std::string> wanted;
    for (const Xattr& xattr : node.xattrs) {
      wanted.insert(xattr.name);
      std::string value(1 << 16, '\0');
      const ssize_t size = lgetxattr(path.c_str(), xattr.name.c_str(), value.data(), value.size());
      if (size < 0 && node.type != FileType::kRegular && node.type != FileType::kDirectory &&
          absl::StartsWith(xattr.name, "user.")) {
        continue;  // the VFS gives user attributes of no other types
      }
      ASSERT_GE(size, 0) << xattr.name << " " << path;
      value.resize(static_cast<size_t>(size));
      EXPECT_TRUE(value == xattr.value) << xattr.name;
    }
    EXPECT_EQ(names, wanted);
  }

  static mode_t TypeOf(FileType type) {
    switch (type) {
      case FileType::kDirectory:
        return S_IFDIR;
      case FileType::kSymlink:
        return S_IFLNK;
      case FileType::kCharDevice:
        return S_IFCHR;
      case FileType::kBlockDevice:
        return S_IFBLK;
      case FileType::kFifo:
        return S_IFIFO;
      case FileType::kSocket:
        return S_IFSOCK;
      default:
        return S_IFREG;
    }
  }

  const FileTree& tree_;
  std::map<NodeId, uint64_t> links_;
  std::map<NodeId, ino_t> inodes_;
};

}  // namespace lacuna
