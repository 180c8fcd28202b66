// Reads all layers of an image once, each from front to back, as many at a time as there are cores.
//
// Callers: lacuna-image index, check and extract, on the main thread, which waits.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "erofs-tools/cli/image_layers.h"
#include "erofs-tools/layer/layer_indexer.h"
#include "registry/image_store.h"

namespace lacuna {

// Takes what became of `image.blobs[blob]`, in any order and on any thread, several at a time.
using OnLayer = std::function<absl::Status(size_t blob, IndexedLayer layer)>;

// Takes a chunk of the device of `image.blobs[blob]` that is not all zero, as LayerIndexer::ChunkWriter;
// those of one blob in order and before it is done, of several at a time.
using OnChunk = std::function<absl::Status(size_t blob, uint64_t chunk, absl::Span<const char> bytes)>;

// IntegrityError, naming the layer and both digests, when a blob is not what the manifest says, or its tar
// not what the config says. The first error ends all, also of `on_layer` and `on_chunk`.
absl::Status IndexLayers(ImageSource& source, const ImageLayers& image, bool show_progress,
                         const OnLayer& on_layer, const OnChunk& on_chunk = nullptr);

}  // namespace lacuna
