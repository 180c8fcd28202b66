// What an index says about its layer, taken apart: the tree it adds, and where each byte of its device is in
// the tar.
//
// Pure; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/layer/device_layout.h"
#include "erofs-tools/layer/layer_index.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

struct LayerContents {
  // What of it lies in chunks of zeros is a hole, as far as a small map can say so.
  FileTree tree;
  std::vector<DevicePiece> pieces;  // by device_offset, and so by tar_offset
};

// InvalidArgument when the structure is no tar's, or device, tar and index do not fit each other.
absl::StatusOr<LayerContents> ReadLayerContents(const LayerIndex& index);

// The same when only the bytes' places are needed.
absl::StatusOr<std::vector<DevicePiece>> ReadDevicePieces(const LayerIndex& index);

}  // namespace lacuna
