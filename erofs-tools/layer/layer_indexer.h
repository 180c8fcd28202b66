// Makes a layer's index from its blob, in one pass: inflates, hashes, takes the tar apart, and hands on the
// device.
//
// Callers: lacuna-image, and lacunad for a layer without an index. One thread at a time; a layer is one
// core's work. Memory: the tree, the structure compressed, and some hundred KiB.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "erofs-tools/layer/layer_index.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

struct IndexedLayer {
  LayerIndex index;
  FileTree tree;  // as LayerContents::tree
};

class LayerIndexer {
 public:
  // Takes a chunk of the device that is not all zero: whole, but that the last may be shorter, of whole
  // blocks. `bytes` are gone afterwards. Chunks come in order. An error ends the indexing.
  using ChunkWriter = std::function<absl::Status(uint64_t chunk, absl::Span<const char> bytes)>;

  // `write_chunk` may be empty.
  LayerIndexer(LayerCodec codec, ChunkWriter write_chunk);
  ~LayerIndexer();

  // The next bytes of the blob, in pieces of any length. InvalidArgument or IntegrityError says what is wrong
  // with the layer, and where. After an error only the destructor may be called.
  absl::Status Write(absl::Span<const char> blob_bytes);
  // After the last of them. IntegrityError when the blob is cut short.
  absl::StatusOr<IndexedLayer> Finish();

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace lacuna
