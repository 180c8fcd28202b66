#include "erofs-tools/cli/merged_bootstrap.h"

#include <utility>

#include "daemon/base/status.h"
#include "erofs-tools/tree/merge_layers.h"

namespace lacuna {

absl::StatusOr<std::string> MergedBootstrap(const ImageLayers& image, const std::vector<FileTree>& trees,
                                            const std::vector<ErofsDevice>& devices) {
  std::vector<LayerTree> layers;
  layers.reserve(image.layers.size());
  for (const size_t blob : image.layers) {
    layers.push_back({.tree = trees[blob], .device = static_cast<uint16_t>(blob)});
  }
  ASSIGN_OR_RETURN(const FileTree tree, MergeLayers(std::move(layers)));
  return WriteErofs(tree, devices);
}

}  // namespace lacuna
