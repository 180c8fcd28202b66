#include "erofs-tools/tree/layer_tree_builder.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr absl::string_view kWhiteoutPrefix = ".wh.";
constexpr absl::string_view kAufsPrefix = ".wh..wh.";
constexpr absl::string_view kOpaqueName = ".wh..wh..opq";

// AUFS kept its own files in the layers it wrote (.wh..wh.plnk, .aufs, .orph): they are none of the image's.
bool IsAufsMetadata(const std::vector<absl::string_view>& path) {
  const auto is_aufs = [](absl::string_view name) { return absl::StartsWith(name, kAufsPrefix); };
  const auto first = std::find_if(path.begin(), path.end(), is_aufs);
  return first != path.end() && (first + 1 != path.end() || *first != kOpaqueName);
}

FileType TypeOf(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::kSymlink:
      return FileType::kSymlink;
    case TarEntry::Type::kCharDevice:
      return FileType::kCharDevice;
    case TarEntry::Type::kBlockDevice:
      return FileType::kBlockDevice;
    case TarEntry::Type::kDirectory:
      return FileType::kDirectory;
    case TarEntry::Type::kFifo:
      return FileType::kFifo;
    default:
      return FileType::kRegular;
  }
}

// All that an entry says about its node but its target and its body.
FileNode NodeOf(const TarEntry& entry) {
  FileNode node;
  node.type = TypeOf(entry.type);
  node.permissions = entry.permissions & 07777;
  node.uid = entry.uid;
  node.gid = entry.gid;
  node.mtime = entry.mtime;
  node.mtime_nanoseconds = entry.mtime_nanoseconds;
  node.device_major = entry.device_major;
  node.device_minor = entry.device_minor;
  node.xattrs = entry.xattrs;
  return node;
}

std::string JoinPath(const PathWalk& directory, absl::string_view name) {
  return directory.steps().empty() ? std::string(name) : absl::StrCat(directory.path(), "/", name);
}

// Whether what layers below have in the directory that `walk` leads to is hidden by what `tree` has by now.
bool IsHidden(const FileTree& tree, const PathWalk& walk) {
  NodeId at = walk.start();
  for (const PathWalk::Step& step : walk.steps()) {
    if (tree.node(at).opaque) return true;
    if (step.node == kNoNode) return tree.Find(at, step.name) != kNoNode;  // a whiteout
    at = step.node;
  }
  return tree.node(at).opaque;
}

// Whether it is a directory that is there for whiteouts only.
bool AddsNothing(const FileTree& tree, NodeId id) {
  const FileNode& node = tree.node(id);
  if (node.type != FileType::kDirectory) return node.type == FileType::kWhiteout;
  return node.implied && std::all_of(node.children.begin(), node.children.end(),
                                     [&](const auto& child) { return AddsNothing(tree, child.second); });
}

absl::Status CheckName(absl::string_view name) {
  if (name.size() <= kMaxNameBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("its name has more than ", kMaxNameBytes, " bytes"));
}

}  // namespace

absl::Status LayerTreeBuilder::Add(const TarEntry& entry, std::vector<DataExtent> extents) {
  return Annotate(Apply(entry, std::move(extents)), QuotedPath(entry.path));
}

absl::Status LayerTreeBuilder::Apply(const TarEntry& entry, std::vector<DataExtent> extents) {
  std::vector<absl::string_view> names = CleanPath(entry.path);
  if (names.empty()) {
    if (entry.type != TarEntry::Type::kDirectory) {
      return absl::InvalidArgumentError("the root can only be a directory");
    }
    FileNode root = NodeOf(entry);
    root.opaque = tree_.node(FileTree::kRoot).opaque;
    return tree_.SetAttributes(FileTree::kRoot, std::move(root));
  }
  if (IsAufsMetadata(names)) return absl::OkStatus();
  const absl::string_view name = names.back();
  names.pop_back();
  // A directory on the way whose name begins like a whiteout is one of that name, as containerd has it.
  PathWalk walk(tree_);
  RETURN_IF_ERROR(walk.Follow(names));
  if (absl::StartsWith(name, kWhiteoutPrefix)) return Hide(walk, name);
  ASSIGN_OR_RETURN(const NodeId directory, MakeDirectories(tree_, walk));
  RETURN_IF_ERROR(CheckName(name));
  if (entry.type == TarEntry::Type::kDirectory) return PutDirectory(directory, name, entry);
  if (entry.type == TarEntry::Type::kHardLink) {
    return PutHardLink(directory, name, JoinPath(walk, name), entry.target);
  }
  return PutFile(directory, name, entry, std::move(extents));
}

// Hides what is below, never what this layer adds, before or afterwards. It adds nothing by itself: where
// nothing can be left to hide, the directories on the way are not made either (umoci makes none for any
// whiteout, containerd all).
absl::Status LayerTreeBuilder::Hide(const PathWalk& walk, absl::string_view whiteout) {
  const bool is_opaque = whiteout == kOpaqueName;
  const absl::string_view name = is_opaque ? "" : whiteout.substr(kWhiteoutPrefix.size());
  if (!is_opaque && (name.empty() || name == "." || name == "..")) {
    return absl::InvalidArgumentError("a whiteout of nothing");
  }
  RETURN_IF_ERROR(CheckName(name));
  if (IsHidden(tree_, walk)) return absl::OkStatus();
  ASSIGN_OR_RETURN(const NodeId directory, MakeDirectories(tree_, walk));
  if (is_opaque) {
    tree_.node(directory).opaque = true;
    return absl::OkStatus();
  }
  const NodeId child = tree_.Find(directory, name);
  if (child == kNoNode || AddsNothing(tree_, child)) {
    ASSIGN_OR_RETURN(const NodeId node, tree_.Add({.type = FileType::kWhiteout}));
    return tree_.Link(directory, std::string(name), node);
  }
  FileNode& node = tree_.node(child);
  if (node.type == FileType::kDirectory) {  // anything else hides what is below as it is
    node.opaque = true;
    node.implied = false;
  }
  return absl::OkStatus();
}

// A new directory comes after nothing, and then is one with what is below; or after a whiteout or a file of
// this layer, which took away what was below: then it is opaque.
absl::Status LayerTreeBuilder::PutDirectory(NodeId directory, absl::string_view name, const TarEntry& entry) {
  FileNode node = NodeOf(entry);
  const NodeId before = tree_.Find(directory, name);
  if (before != kNoNode && tree_.node(before).type == FileType::kDirectory) {
    node.opaque = tree_.node(before).opaque;
    return tree_.SetAttributes(before, std::move(node));
  }
  node.opaque = before != kNoNode;
  ASSIGN_OR_RETURN(const NodeId added, tree_.Add(std::move(node)));
  return tree_.Link(directory, std::string(name), added);
}

absl::Status LayerTreeBuilder::PutFile(NodeId directory, absl::string_view name, const TarEntry& entry,
                                       std::vector<DataExtent> extents) {
  FileNode node = NodeOf(entry);
  if (node.type == FileType::kSymlink) {
    if (entry.target.empty() || entry.target.size() > kMaxSymlinkTargetBytes) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a symlink to ", entry.target.size(), " bytes of path: 1 to ", kMaxSymlinkTargetBytes, " can be"));
    }
    node.target = entry.target;
  }
  if (node.type == FileType::kRegular) {
    node.size = entry.size;
    node.extents = std::move(extents);
  }
  ASSIGN_OR_RETURN(const NodeId added, tree_.Add(std::move(node)));
  return tree_.Link(directory, std::string(name), added);
}

absl::Status LayerTreeBuilder::PutHardLink(NodeId directory, absl::string_view name, const std::string& path,
                                           absl::string_view target) {
  // An unpacker takes away what has the link's name before it looks for the target (containerd, umoci), which
  // may go with it.
  tree_.node(directory).children.erase(name);
  const absl::StatusOr<NodeId> node = HardLinkTarget(path, target);
  if (!node.ok()) return Annotate(node.status(), absl::StrCat("hard link to ", QuotedPath(target)));
  return tree_.Link(directory, std::string(name), *node);
}

// `link_path`: the link's own path, through no symlink of this layer.
absl::StatusOr<NodeId> LayerTreeBuilder::HardLinkTarget(const std::string& link_path,
                                                        absl::string_view target) {
  std::vector<absl::string_view> names = CleanPath(target);
  if (names.empty()) return absl::InvalidArgumentError("the target is the root directory");
  const absl::string_view name = names.back();
  names.pop_back();
  PathWalk walk(tree_);
  RETURN_IF_ERROR(walk.Follow(names));
  std::string path = JoinPath(walk, name);
  if (path == link_path || absl::StartsWith(path, absl::StrCat(link_path, "/"))) {
    return absl::InvalidArgumentError("the link would take the place of its target");
  }
  const NodeId child = walk.at() == kNoNode ? kNoNode : tree_.Find(walk.at(), name);
  const bool is_here = child != kNoNode && tree_.node(child).type != FileType::kWhiteout;
  if (is_here && tree_.node(child).type != FileType::kDirectory) return child;
  if (is_here && !tree_.node(child).implied) return absl::InvalidArgumentError("the target is a directory");
  // An implied directory may be a symlink in layers below.
  if (IsHidden(tree_, walk) || (child != kNoNode && !is_here)) {
    return absl::InvalidArgumentError("the target is missing: this layer has removed it");
  }
  return tree_.Add({.type = FileType::kLowerLink, .target = std::move(path)});
}

}  // namespace lacuna
