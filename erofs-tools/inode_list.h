// The inodes of an image to be written: what of a tree is reachable, in the order in which it is written.
//
// Caller: WriteErofs and its parts. Values; safe from any thread. The tree has to outlive the list.
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

struct ListedInode {
  const FileNode* node = nullptr;
  uint32_t parent = 0;                // the directory that names it first; of the root: itself
  const std::string* name = nullptr;  // there; none of the root
  uint32_t links = 0;
};

class InodeList {
 public:
  static constexpr uint32_t kRoot = 0;

  // The root, then directory by directory their children together. InvalidArgument, naming the path, for a
  // node that no image can hold; its extents and xattrs are not looked at.
  static absl::StatusOr<InodeList> Of(const FileTree& tree);

  size_t size() const { return inodes_.size(); }
  const ListedInode& operator[](uint32_t number) const { return inodes_[number]; }
  // Of a node that the tree's directories name.
  uint32_t NumberOf(NodeId node) const { return numbers_[node]; }
  // "/usr/bin/env", fit for a message.
  std::string PathOf(uint32_t number) const;

 private:
  static constexpr uint32_t kNotListed = std::numeric_limits<uint32_t>::max();

  absl::Status AddChildren(const FileTree& tree, uint32_t directory, std::vector<uint32_t>& to_visit);

  std::vector<ListedInode> inodes_;
  std::vector<uint32_t> numbers_;  // by NodeId
};

}  // namespace lacuna
