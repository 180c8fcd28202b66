// Layers as lists of entries, and trees as text, for the tests of erofs-tools/tree. An entry's uid tells
// which one a node came from.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tree/layer_tree_builder.h"
#include "erofs-tools/tree/merge_layers.h"

namespace lacuna {

using Entries = std::vector<TarEntry>;

inline TarEntry EntryOf(TarEntry::Type type, std::string path, uint32_t uid, std::string target = "") {
  TarEntry entry;
  entry.type = type;
  entry.path = std::move(path);
  entry.uid = uid;
  entry.target = std::move(target);
  entry.permissions = 0644;
  return entry;
}
inline TarEntry File(std::string path, uint32_t uid) {
  return EntryOf(TarEntry::Type::kRegular, std::move(path), uid);
}
inline TarEntry Directory(std::string path, uint32_t uid) {
  return EntryOf(TarEntry::Type::kDirectory, std::move(path), uid);
}
inline TarEntry Symlink(std::string path, std::string target, uint32_t uid) {
  return EntryOf(TarEntry::Type::kSymlink, std::move(path), uid, std::move(target));
}
inline TarEntry HardLink(std::string path, std::string target) {
  return EntryOf(TarEntry::Type::kHardLink, std::move(path), 0, std::move(target));
}

inline absl::StatusOr<FileTree> BuildTree(const Entries& entries) {
  LayerTreeBuilder builder;
  for (const TarEntry& entry : entries) RETURN_IF_ERROR(builder.Add(entry, {}));
  return std::move(builder).Finish();
}

inline absl::StatusOr<FileTree> MergeTrees(const std::vector<Entries>& layers) {
  std::vector<LayerTree> trees;
  for (const Entries& entries : layers) {
    ASSIGN_OR_RETURN(FileTree tree, BuildTree(entries));
    trees.push_back({std::move(tree), static_cast<uint16_t>(trees.size())});
  }
  return MergeLayers(std::move(trees));
}

// By path, the root's is "": "dir 7", "file 7", "symlink 7 to a/b", "whiteout", "lower a/b", "same as a/f"
// for every further name of a node, with " implied" and " opaque" behind a directory. Of an error: {"error",
// text}.
using TreeText = std::map<std::string, std::string>;

inline std::string NodeText(const FileNode& node) {
  switch (node.type) {
    case FileType::kDirectory:
      return absl::StrCat("dir ", node.uid, node.implied ? " implied" : "", node.opaque ? " opaque" : "");
    case FileType::kSymlink:
      return absl::StrCat("symlink ", node.uid, " to ", node.target);
    case FileType::kWhiteout:
      return "whiteout";
    case FileType::kLowerLink:
      return absl::StrCat("lower ", node.target);
    case FileType::kRegular:
      return absl::StrCat("file ", node.uid);
    default:
      return absl::StrCat("special ", node.uid);
  }
}

inline void AddText(const FileTree& tree, NodeId id, const std::string& path,
                    std::map<NodeId, std::string>& first_names, TreeText& text) {
  const auto [first, is_new] = first_names.try_emplace(id, path);
  text[path] = is_new ? NodeText(tree.node(id)) : absl::StrCat("same as ", first->second);
  for (const auto& [name, child] : tree.node(id).children) {
    AddText(tree, child, path.empty() ? name : absl::StrCat(path, "/", name), first_names, text);
  }
}

inline TreeText TextOf(const absl::StatusOr<FileTree>& tree) {
  if (!tree.ok()) return {{"error", tree.status().ToString()}};
  TreeText text;
  std::map<NodeId, std::string> first_names;
  AddText(*tree, FileTree::kRoot, "", first_names, text);
  return text;
}

inline TreeText Built(const Entries& entries) {
  return TextOf(BuildTree(entries));
}
inline TreeText Merged(const std::vector<Entries>& layers) {
  return TextOf(MergeTrees(layers));
}

// The text of the error, or "" when there is none.
inline std::string ErrorOf(const TreeText& text) {
  const auto error = text.find("error");
  return error == text.end() ? "" : error->second;
}

}  // namespace lacuna
