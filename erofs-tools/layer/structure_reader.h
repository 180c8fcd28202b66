// The structure of a layer's tar out of its index, as a stream.
//
// Callers: ReadLayerContents, LayerVerifier. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "erofs-tools/layer/layer_index.h"
#include "erofs-tools/layer/zstd_stream.h"

namespace lacuna {

class StructureReader {
 public:
  // `index` outlives this.
  explicit StructureReader(const LayerIndex& index);

  // The next bytes, some KiB; they are gone with the next call. None at the end. InvalidArgument when they do
  // not decompress, or to another length than the index says.
  absl::StatusOr<absl::Span<const char>> Next();

 private:
  absl::Span<const char> compressed_;
  uint64_t left_;
  ZstdReader zstd_{kIndexWindowLog};
  std::vector<char> step_;
};

}  // namespace lacuna
