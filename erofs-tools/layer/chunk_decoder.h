// From bytes of a layer's blob to chunks of its device: what to fetch for the chunks that are wanted, and how
// to inflate, pick and verify them.
//
// Caller: the engine, for each flight; lacuna-image check. A ChunkMapper is constant, and safe from any
// thread; a ChunkDecoder is used by one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/layer/layer_contents.h"
#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

// What to fetch, and what comes of it.
struct DecodePlan {
  ByteRange blob;     // bytes of the layer's blob
  ChunkRange chunks;  // that come out whole: those that were wanted, and what comes with them
};

class ChunkMapper {
 public:
  // Keeps `index`. Unimplemented for a codec that can be read as a stream only.
  static absl::StatusOr<std::shared_ptr<const ChunkMapper>> Of(std::shared_ptr<const LayerIndex> index);

  const LayerIndex& index() const { return *index_; }
  // For `wanted`, which is not empty and within the device. Of a gzip layer it begins at the checkpoint
  // before and ends with the last chunk that begins before the next, so that no byte between two checkpoints
  // has to be fetched again for a chunk beside; at most 1 MiB of tar (and what is left of a deflate block)
  // lie before the first wanted byte. Nothing is to be fetched, and `blob` is empty, when all that is wanted
  // is zero.
  DecodePlan Plan(const ChunkRange& wanted) const;

 private:
  friend class ChunkDecoder;
  std::shared_ptr<const LayerIndex> index_;
  std::vector<DevicePiece> pieces_;
};

class ChunkDecoder {
 public:
  // Takes a chunk that is what its digest says; as the device has it, so the last may be shorter.
  using OnChunk = std::function<void(uint64_t chunk, absl::Span<const char> bytes)>;

  ChunkDecoder(std::shared_ptr<const ChunkMapper> mapper, const DecodePlan& plan, OnChunk on_chunk);
  ~ChunkDecoder();

  // The next bytes of the plan's range, more are ignored; none, once, where it is empty. IntegrityError when
  // they do not inflate, a chunk is not what its digest says, or the range ends before all chunks are out:
  // the chunks before have been handed on, nothing may be written afterwards.
  absl::Status Write(absl::Span<const char> blob_bytes);
  // The first chunk of the plan that was not handed on; its end when all were.
  uint64_t next() const;

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace lacuna
