// From a layer's blob to its tar, as a stream.
//
// Callers: LayerIndexer, ChunkDecoder. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

class BlobInflater {
 public:
  // Takes the next bytes of the tar. `blob_bytes`: all that went in until they were out. An error ends the
  // inflating, which returns it.
  using OnTar = std::function<absl::Status(absl::Span<const char> tar, uint64_t blob_bytes)>;

  // From the blob's begin. Adds to `checkpoints` (of gzip) as it goes.
  static std::unique_ptr<BlobInflater> Of(LayerCodec codec, OnTar on_tar,
                                          std::vector<GzipCheckpoint>& checkpoints);

  virtual ~BlobInflater() = default;

  // The next bytes of the blob, in pieces of any length. IntegrityError, with the place, when they are not
  // what the codec says. After an error only the destructor may be called.
  virtual absl::Status Write(absl::Span<const char> blob) = 0;
  // After the last of them. IntegrityError when there should be more.
  virtual absl::Status Finish() = 0;
};

}  // namespace lacuna
