// Random trees of files for tests of what writes and reads EROFS. One thread.
#pragma once

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

// Adds what cannot be too much for a test, under a name.
inline NodeId AddTo(FileTree& tree, NodeId directory, std::string name, FileNode node) {
  const NodeId id = *tree.Add(std::move(node));
  tree.Link(directory, std::move(name), id).IgnoreError();
  return id;
}

inline FileNode FileOf(uint64_t size, std::vector<DataExtent> extents) {
  FileNode node;
  node.permissions = 0644;
  node.size = size;
  node.extents = std::move(extents);
  return node;
}

inline FileNode DirectoryNode() {
  FileNode node = ImpliedDirectory();
  node.implied = false;
  return node;
}

inline FileNode SymlinkTo(std::string target) {
  FileNode node;
  node.type = FileType::kSymlink;
  node.permissions = 0777;
  node.target = std::move(target);
  return node;
}

class RandomTree {
 public:
  // Devices of `device_blocks` blocks each.
  RandomTree(unsigned seed, std::vector<uint64_t> device_blocks)
      : random_(seed), device_blocks_(std::move(device_blocks)) {}

  FileTree Make(int nodes) {
    FileTree tree;
    tree.node(FileTree::kRoot) = WithAttributes(DirectoryNode());
    std::vector<NodeId> directories = {FileTree::kRoot};
    std::vector<NodeId> files;
    for (int i = 0; i < nodes; ++i) {
      const NodeId parent = directories[Below(directories.size())];
      if (!files.empty() && Below(12) == 0) {
        tree.Link(parent, Name(), files[Below(files.size())]).IgnoreError();
        continue;
      }
      const NodeId id = AddTo(tree, parent, Name(), WithAttributes(Node()));
      (tree.node(id).type == FileType::kDirectory ? directories : files).push_back(id);
    }
    return tree;
  }

 private:
  uint64_t Below(uint64_t limit) { return random_() % limit; }

  std::string Text(size_t size) {
    std::string text(size, '\0');
    for (char& byte : text) byte = static_cast<char>(1 + Below(255));
    std::replace(text.begin(), text.end(), '/', '_');
    return text;
  }

  // Unique, so that nothing replaces anything.
  std::string Name() {
    const std::string number = absl::StrCat(++names_);
    return absl::StrCat(Text(Below(10) == 0 ? 255 - number.size() : Below(30)), number);
  }

  FileNode Node() {
    switch (Below(8)) {
      case 0:
      case 1:
        return DirectoryNode();
      case 2:
        return SymlinkTo(Text(1 + Below(Below(4) == 0 ? 4095 : 60)));
      case 3:
        return Special();
      default:
        return Regular();
    }
  }

  FileNode Special() {
    FileNode node;
    constexpr FileType kTypes[] = {FileType::kCharDevice, FileType::kBlockDevice, FileType::kFifo,
                                   FileType::kSocket};
    node.type = kTypes[Below(4)];
    if (node.type == FileType::kCharDevice || node.type == FileType::kBlockDevice) {
      node.device_major = static_cast<uint32_t>(Below(4096));
      node.device_minor = static_cast<uint32_t>(Below(1 << 20));
    }
    return node;
  }

  // Extents with no two that could be one.
  FileNode Regular() {
    if (device_blocks_.empty() || Below(6) == 0) return FileOf(Below(3) * Below(uint64_t{1} << 34), {});
    const uint64_t unit = uint64_t{1} << Below(5);
    std::vector<DataExtent> extents;
    uint64_t block = Below(2) * unit;
    for (uint64_t left = 1 + Below(4); left > 0; --left) {
      const auto device = static_cast<uint16_t>(Below(device_blocks_.size()));
      const uint64_t length = unit * (1 + Below(4));
      const uint64_t start = Below(device_blocks_[device] - length);
      const DataExtent extent{block * kBlockSize, start * kBlockSize, length * kBlockSize, device};
      block += length + unit * Below(3);
      if (!extents.empty() && extents.back().device == device &&
          extents.back().device_offset + extents.back().length == extent.device_offset) {
        continue;
      }
      extents.push_back(extent);
    }
    const uint64_t end = extents.back().file_end();
    return FileOf(Below(2) == 0 ? end - Below(kBlockSize) : end + Below(100) * kBlockSize + Below(kBlockSize),
                  extents);
  }

  FileNode WithAttributes(FileNode node) {
    node.permissions = static_cast<uint16_t>(Below(010000));
    node.uid = static_cast<uint32_t>(Below(10) == 0 ? random_() : Below(3));
    node.gid = static_cast<uint32_t>(Below(10) == 0 ? random_() : Below(3));
    node.mtime =
        Below(3) == 0 ? static_cast<int64_t>(Below(uint64_t{1} << 33)) - (int64_t{1} << 32) : 1234567;
    node.mtime_nanoseconds = static_cast<uint32_t>(Below(3) == 0 ? Below(1'000'000'000) : 0);
    for (const char* name : {"security.test", "trusted.x", "user.a", "user.b"}) {
      if (Below(8) != 0) continue;
      const bool common = Below(2) == 0;
      node.xattrs.push_back({name, common ? "a value that several inodes have" : Text(Below(300))});
    }
    return node;
  }

  std::mt19937_64 random_;
  const std::vector<uint64_t> device_blocks_;
  uint64_t names_ = 0;
};

}  // namespace lacuna
