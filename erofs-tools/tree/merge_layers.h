// From the trees of an image's layers to the tree that a container sees.
// Source: OCI image-spec, layer.md, "Applying Changesets".
//
// Pure; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

struct LayerTree {
  FileTree tree;
  uint16_t device = 0;  // the layer's number in the image's list of devices
};

// `layers` begin with the lowest. The result has no whiteouts, lower links, opaque directories.
// InvalidArgument, naming the layer's number (from 1) and the path, for a hard link whose target is nowhere;
// ResourceExhausted as FileTree.
absl::StatusOr<FileTree> MergeLayers(std::vector<LayerTree> layers);

}  // namespace lacuna
