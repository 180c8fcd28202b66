// The EROFS bootstrap of an image whose layers are tars.
//
// Callers: the verbs, on the main thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/cli/image_layers.h"
#include "erofs-tools/erofs_writer.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

// `trees` and `devices` are those of image.blobs. Errors as MergeLayers and WriteErofs.
absl::StatusOr<std::string> MergedBootstrap(const ImageLayers& image, const std::vector<FileTree>& trees,
                                            const std::vector<ErofsDevice>& devices);

}  // namespace lacuna
