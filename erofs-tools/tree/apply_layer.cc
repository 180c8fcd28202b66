#include "erofs-tools/tree/apply_layer.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tree/path_walk.h"

namespace lacuna {
namespace {

class LayerApplier {
 public:
  LayerApplier(LayerTree layer, FileTree& image)
      : layer_(std::move(layer.tree)),
        device_(layer.device),
        image_(image),
        taken_(layer_.size(), kNoNode),
        adds_(layer_.size(), false) {}

  absl::Status Run() {
    RETURN_IF_ERROR(LookBelow());
    FindWhatAdds();
    HideBelow();
    return AddFiles();
  }

 private:
  // A directory of the layer, and the one of the image that it is.
  struct Pair {
    NodeId ours = kNoNode;
    NodeId image = kNoNode;  // kNoNode: the image has none yet
  };
  struct Name {
    NodeId directory = kNoNode;  // of the image
    std::string name;
  };
  // An implied directory of the layer where the image has a symlink.
  struct ThroughSymlink {
    NodeId ours = kNoNode;
    NodeId directory = kNoNode;  // of the image
    absl::string_view name;      // of the symlink in it
  };

  absl::Status LookBelow();
  void FindWhatAdds();
  absl::Status LookAtChild(const Pair& in, const std::string& name, NodeId child);
  NodeId BelowDirectory(const Pair& in, const std::string& name, const FileNode& directory);
  absl::StatusOr<NodeId> LowerLinkTarget(absl::string_view target);
  void HideBelow();
  absl::Status AddFiles();
  absl::Status AddChild(const Pair& in, const std::string& name, NodeId child);
  absl::Status AddDirectory(const Pair& in, const std::string& name, NodeId child);
  absl::StatusOr<NodeId> TakeFile(NodeId file);
  absl::StatusOr<NodeId> DirectoryBehind(const ThroughSymlink& through);
  std::string OurPath(NodeId directory, absl::string_view name) const {
    return QuotedPath(absl::StrCat(layer_.DirectoryPath(directory), "/", name));
  }

  FileTree layer_;
  const uint16_t device_;
  FileTree& image_;
  std::vector<NodeId> taken_;  // by the layer's NodeId: the image's, of what is not a directory
  // By the layer's NodeId: directories that are there not only for whiteouts. Those are not made where the
  // image has none.
  std::vector<bool> adds_;
  std::vector<NodeId> directories_;  // of the layer, each behind the one that it is in
  std::vector<Pair> todo_;
  std::vector<Name> hidden_;
  std::vector<NodeId> emptied_;
  std::vector<ThroughSymlink> through_symlinks_;
};

absl::Status LayerApplier::LookBelow() {
  if (layer_.node(FileTree::kRoot).opaque) emptied_.push_back(FileTree::kRoot);
  todo_.push_back({FileTree::kRoot, FileTree::kRoot});
  while (!todo_.empty()) {
    const Pair in = todo_.back();
    todo_.pop_back();
    directories_.push_back(in.ours);
    for (const auto& [name, child] : layer_.node(in.ours).children) {
      RETURN_IF_ERROR(LookAtChild(in, name, child));
    }
  }
  return absl::OkStatus();
}

void LayerApplier::FindWhatAdds() {
  for (auto directory = directories_.rbegin(); directory != directories_.rend(); ++directory) {
    const FileNode& node = layer_.node(*directory);
    adds_[*directory] =
        !node.implied || std::any_of(node.children.begin(), node.children.end(), [&](const auto& child) {
          const FileType type = layer_.node(child.second).type;
          return type == FileType::kDirectory ? adds_[child.second] : type != FileType::kWhiteout;
        });
  }
}

absl::Status LayerApplier::LookAtChild(const Pair& in, const std::string& name, NodeId child) {
  const FileNode& node = layer_.node(child);
  if (node.type == FileType::kDirectory) {
    todo_.push_back({child, BelowDirectory(in, name, node)});
  } else if (node.type == FileType::kWhiteout) {
    if (in.image != kNoNode) hidden_.push_back({in.image, name});
  } else if (node.type == FileType::kLowerLink && taken_[child] == kNoNode) {
    const absl::StatusOr<NodeId> target = LowerLinkTarget(node.target);
    if (!target.ok()) {
      return Annotate(target.status(),
                      absl::StrCat("hard link ", OurPath(in.ours, name), " to ", QuotedPath(node.target)));
    }
    taken_[child] = *target;
  }
  return absl::OkStatus();
}

// What of the image `directory` of the layer will be one with. Notes what it hides.
NodeId LayerApplier::BelowDirectory(const Pair& in, const std::string& name, const FileNode& directory) {
  if (in.image == kNoNode) return kNoNode;
  if (!directory.implied && directory.opaque) {
    hidden_.push_back({in.image, name});
    return kNoNode;
  }
  NodeId below = image_.Find(in.image, name);
  if (below == kNoNode) return kNoNode;
  if (directory.implied && image_.node(below).type == FileType::kSymlink) {
    PathWalk walk(image_, in.image);
    if (!walk.Follow({name}).ok()) return kNoNode;  // AddFiles says what is wrong, if it still is then
    below = walk.at();
    if (below == kNoNode) return kNoNode;
  }
  if (image_.node(below).type != FileType::kDirectory) return kNoNode;
  if (directory.opaque) emptied_.push_back(below);
  return below;
}

absl::StatusOr<NodeId> LayerApplier::LowerLinkTarget(absl::string_view target) {
  std::vector<absl::string_view> names = CleanPath(target);
  const absl::string_view name = names.back();
  names.pop_back();
  PathWalk walk(image_);
  RETURN_IF_ERROR(walk.Follow(names));
  const NodeId found = walk.at() == kNoNode ? kNoNode : image_.Find(walk.at(), name);
  if (found == kNoNode) return absl::InvalidArgumentError("the target is nowhere, here or in layers below");
  if (image_.node(found).type != FileType::kDirectory) return found;
  return absl::InvalidArgumentError("the target is a directory");
}

void LayerApplier::HideBelow() {
  for (const Name& hidden : hidden_) image_.node(hidden.directory).children.erase(hidden.name);
  for (const NodeId directory : emptied_) image_.node(directory).children.clear();
}

absl::Status LayerApplier::AddFiles() {
  FileNode& root = layer_.node(FileTree::kRoot);
  if (!root.implied) RETURN_IF_ERROR(image_.SetAttributes(FileTree::kRoot, TakeAllButChildren(root)));
  todo_.push_back({FileTree::kRoot, FileTree::kRoot});
  for (size_t next_through = 0;; ++next_through) {
    while (!todo_.empty()) {
      const Pair in = todo_.back();
      todo_.pop_back();
      for (const auto& [name, child] : layer_.node(in.ours).children) {
        RETURN_IF_ERROR(AddChild(in, name, child));
      }
    }
    if (next_through == through_symlinks_.size()) return absl::OkStatus();
    const ThroughSymlink& through = through_symlinks_[next_through];
    ASSIGN_OR_RETURN(const NodeId directory, DirectoryBehind(through));
    if (directory != kNoNode) todo_.push_back({through.ours, directory});
  }
}

absl::Status LayerApplier::AddChild(const Pair& in, const std::string& name, NodeId child) {
  const FileType type = layer_.node(child).type;
  if (type == FileType::kWhiteout) return absl::OkStatus();
  if (type == FileType::kDirectory) return AddDirectory(in, name, child);
  ASSIGN_OR_RETURN(const NodeId file, TakeFile(child));
  return image_.Link(in.image, name, file);
}

absl::Status LayerApplier::AddDirectory(const Pair& in, const std::string& name, NodeId child) {
  FileNode& node = layer_.node(child);
  NodeId directory = image_.Find(in.image, name);
  const bool is_directory = directory != kNoNode && image_.node(directory).type == FileType::kDirectory;
  if (is_directory) {
    if (!node.implied) RETURN_IF_ERROR(image_.SetAttributes(directory, TakeAllButChildren(node)));
  } else if (node.implied && directory != kNoNode) {
    if (image_.node(directory).type != FileType::kSymlink) {
      return absl::InvalidArgumentError(
          absl::StrCat(OurPath(in.ours, name), " is a directory here, but not in the layers below"));
    }
    through_symlinks_.push_back({child, in.image, name});
    return absl::OkStatus();
  } else if (!adds_[child]) {
    return absl::OkStatus();
  } else {
    ASSIGN_OR_RETURN(directory, image_.Add(TakeAllButChildren(node)));
    const absl::Status linked = image_.Link(in.image, name, directory);
    if (!linked.ok()) return Annotate(linked, OurPath(in.ours, name));
  }
  todo_.push_back({child, directory});
  return absl::OkStatus();
}

absl::StatusOr<NodeId> LayerApplier::TakeFile(NodeId file) {
  NodeId& taken = taken_[file];
  if (taken == kNoNode) {
    FileNode& node = layer_.node(file);
    for (DataExtent& extent : node.extents) extent.device = device_;
    ASSIGN_OR_RETURN(taken, image_.Add(std::move(node)));
  }
  return taken;
}

absl::StatusOr<NodeId> LayerApplier::DirectoryBehind(const ThroughSymlink& through) {
  PathWalk walk(image_, through.directory);
  absl::Status status = walk.Follow({through.name});
  if (status.ok()) {
    if (!adds_[through.ours]) return walk.at();
    absl::StatusOr<NodeId> directory = MakeDirectories(image_, walk);
    if (directory.ok()) return directory;
    status = directory.status();
  }
  return Annotate(status, absl::StrCat(QuotedPath(layer_.DirectoryPath(through.ours)),
                                       " is a symlink in the layers below"));
}

}  // namespace

absl::Status ApplyLayer(LayerTree layer, FileTree& image) {
  return LayerApplier(std::move(layer), image).Run();
}

FileNode TakeAllButChildren(FileNode& node) {
  FileNode taken;
  std::swap(taken, node);
  node.children.swap(taken.children);
  return taken;
}

}  // namespace lacuna
