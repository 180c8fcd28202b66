// From the bytes of a device, in order, to its chunks, their digests, and where in the blob each ends.
//
// Caller: LayerIndexer. One thread at a time. What is not written is zero, and costs nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "erofs-tools/layer/chunk_digests.h"

namespace lacuna {

class ChunkAssembler {
 public:
  // Takes a chunk that is not all zero.
  using OnChunk = std::function<absl::Status(uint64_t chunk, absl::Span<const char> bytes)>;

  // `on_chunk` may be empty.
  explicit ChunkAssembler(OnChunk on_chunk);

  // The bytes at `offset`, which is not before the end of those written last. `blob_bytes` of the blob went
  // in until they were out.
  absl::Status Write(uint64_t offset, absl::Span<const char> bytes, uint64_t blob_bytes);
  // The device ends. Nothing may be written afterwards.
  absl::Status Finish(uint64_t device_size);

  // Up to the last chunk that is complete.
  const ChunkDigests& digests() const { return digests_; }
  // As LayerIndex::chunk_blob_ends.
  const std::vector<uint64_t>& blob_ends() const { return blob_ends_; }

 private:
  // Completes the chunks that end at `offset` or before; it lies behind what was written.
  absl::Status AdvanceTo(uint64_t offset);
  // Completes the current chunk, of `size` bytes.
  absl::Status Complete(size_t size);

  const OnChunk on_chunk_;
  std::vector<char> chunk_;  // the current one, from digests_.device_size() on
  size_t filled_ = 0;        // how many bytes of it have been written or passed over; 0: all of it is zero
  uint64_t blob_bytes_ = 0;
  ChunkDigests digests_;
  std::vector<uint64_t> blob_ends_;
};

}  // namespace lacuna
