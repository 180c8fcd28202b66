// Makes an EROFS image, in files without names, of an image whose layers are tars.
//
// Caller: `lacuna-image extract`, on the main thread, which waits.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "erofs-tools/cli/image_files.h"
#include "erofs-tools/cli/image_layers.h"
#include "registry/image_store.h"

namespace lacuna {

// Reads each layer once. The files are on the file system of `folder`, which needs as much room as the files
// of all layers together. Errors as IndexLayers and MergedBootstrap.
absl::StatusOr<ImageFiles> AssembleImage(ImageSource& source, const ImageLayers& image,
                                         const std::string& folder, bool show_progress);

}  // namespace lacuna
