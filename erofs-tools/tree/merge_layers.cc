#include "erofs-tools/tree/merge_layers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tree/apply_layer.h"

namespace lacuna {
namespace {

// Room for all that the layers have, though much of it may be hidden in the end, and for directories that
// paths through symlinks make.
TreeLimits LimitsOfAll(const std::vector<LayerTree>& layers) {
  TreeLimits limits;
  for (const LayerTree& layer : layers) {
    limits.nodes += layer.tree.size();
    limits.text_bytes += layer.tree.text_bytes();
  }
  return limits;
}

// `image` without the nodes that no name leads to, and without what only a layer's directory has to say.
absl::StatusOr<FileTree> OnlyWhatIsNamed(FileTree image) {
  FileTree result;
  std::vector<NodeId> taken(image.size(), kNoNode);
  const auto take = [&](NodeId id) {
    FileNode node = TakeAllButChildren(image.node(id));
    node.implied = node.opaque = false;
    return node;
  };
  RETURN_IF_ERROR(result.SetAttributes(FileTree::kRoot, take(FileTree::kRoot)));
  taken[FileTree::kRoot] = FileTree::kRoot;
  std::vector<NodeId> directories = {FileTree::kRoot};
  while (!directories.empty()) {
    const NodeId directory = directories.back();
    directories.pop_back();
    for (const auto& [name, child] : image.node(directory).children) {
      if (taken[child] == kNoNode) {
        if (image.node(child).type == FileType::kDirectory) directories.push_back(child);
        ASSIGN_OR_RETURN(taken[child], result.Add(take(child)));
      }
      RETURN_IF_ERROR(result.Link(taken[directory], name, taken[child]));
    }
  }
  return result;
}

}  // namespace

absl::StatusOr<FileTree> MergeLayers(std::vector<LayerTree> layers) {
  FileTree image(LimitsOfAll(layers));
  for (size_t i = 0; i < layers.size(); ++i) {
    RETURN_IF_ERROR(Annotate(ApplyLayer(std::move(layers[i]), image), absl::StrCat("layer ", i + 1)));
  }
  return OnlyWhatIsNamed(std::move(image));
}

}  // namespace lacuna
