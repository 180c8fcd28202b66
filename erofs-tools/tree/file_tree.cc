#include "erofs-tools/tree/file_tree.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

uint64_t TextBytes(const FileNode& node) {
  uint64_t bytes = node.target.size();
  for (const Xattr& xattr : node.xattrs) bytes += xattr.name.size() + xattr.value.size();
  return bytes;
}

}  // namespace

FileNode ImpliedDirectory() {
  FileNode node;
  node.type = FileType::kDirectory;
  node.implied = true;
  node.permissions = 0755;
  return node;
}

FileTree::FileTree(TreeLimits limits) : limits_(limits) {
  nodes_.push_back(ImpliedDirectory());
  places_.emplace_back();
}

NodeId FileTree::Find(NodeId directory, absl::string_view name) const {
  const auto& children = nodes_[directory].children;
  const auto child = children.find(name);
  return child == children.end() ? kNoNode : child->second;
}

std::string FileTree::DirectoryPath(NodeId directory) const {
  std::vector<absl::string_view> names;
  for (; directory != kRoot; directory = parent(directory)) {
    const auto& siblings = nodes_[parent(directory)].children;
    const auto self = std::find_if(siblings.begin(), siblings.end(),
                                   [&](const auto& sibling) { return sibling.second == directory; });
    names.push_back(self == siblings.end() ? "(removed)" : absl::string_view(self->first));
  }
  std::reverse(names.begin(), names.end());
  return absl::StrJoin(names, "/");
}

absl::StatusOr<NodeId> FileTree::Add(FileNode node) {
  if (nodes_.size() >= limits_.nodes) {
    return absl::ResourceExhaustedError(absl::StrCat("more than ", limits_.nodes, " files"));
  }
  RETURN_IF_ERROR(CountText(TextBytes(node)));
  nodes_.push_back(std::move(node));
  places_.emplace_back();
  return static_cast<NodeId>(nodes_.size() - 1);
}

absl::Status FileTree::SetAttributes(NodeId directory, FileNode from) {
  RETURN_IF_ERROR(CountText(TextBytes(from)));
  from.children = std::move(nodes_[directory].children);
  nodes_[directory] = std::move(from);
  return absl::OkStatus();
}

absl::Status FileTree::Link(NodeId directory, std::string name, NodeId child) {
  RETURN_IF_ERROR(CountText(name.size()));
  if (nodes_[child].type == FileType::kDirectory) {
    const uint32_t depth = places_[directory].depth + 1;
    if (depth > kMaxTreeDepth) {
      return absl::InvalidArgumentError(
          absl::StrCat("more than ", kMaxTreeDepth, " directories inside each other"));
    }
    places_[child] = {.parent = directory, .depth = depth};
  }
  nodes_[directory].children.insert_or_assign(std::move(name), child);
  return absl::OkStatus();
}

absl::Status FileTree::CountText(uint64_t bytes) {
  text_bytes_ += bytes;
  if (text_bytes_ <= limits_.text_bytes) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat("more than ", limits_.text_bytes,
                                                   " bytes of names, link targets and extended attributes"));
}

}  // namespace lacuna
