// One fetch in progress: cuts the stream of a ranged GET into whole chunks and hands each on as it fills.
//
// Caller: BlobCache makes it; RangeFetcher feeds it on the transport's thread, one call at a time. It touches
// no disk and no lock of its own.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "daemon/base/block_aligned_buffer.h"
#include "daemon/base/byte_range.h"
#include "registry/range_sink.h"

namespace lacuna {

// One HTTP range at most this long: what a reader at its end may have to wait for.
inline constexpr uint64_t kMaxFlightBytes = 4 * 1024 * 1024;

// The bytes of one chunk as they go into the backing file: in memory that direct I/O takes as it is.
using ChunkBuffer = BlockAlignedBuffer;

class Flight : public RangeSink {
 public:
  // Called for each chunk in turn; must not block.
  using OnChunk = absl::AnyInvocable<void(uint64_t chunk, ChunkBuffer bytes)>;
  // Called once, last, with the chunks that did not arrive and why; none and OK when all did.
  using OnEnd = absl::AnyInvocable<void(const ChunkRange& lost, const absl::Status& status) &&>;

  // `chunks` of a blob of `blob_size` bytes. The blob's last chunk is handed on padded with zeros to a whole
  // block: that is how the object has it.
  Flight(const ChunkRange& chunks, uint64_t blob_size, OnChunk on_chunk, OnEnd on_end);

  // What to ask the registry for.
  const ByteRange& bytes() const { return bytes_; }

  void OnBytes(absl::Span<const char> bytes) override;
  void OnDone(const absl::Status& status) override;

 private:
  void EndChunk();

  const uint64_t blob_size_;
  const uint64_t last_;  // end of the chunk range
  const ByteRange bytes_;

  // Used by the transport's thread only.
  uint64_t next_;  // the chunk that is being filled
  ChunkBuffer buffer_;
  OnChunk on_chunk_;
  OnEnd on_end_;
};

}  // namespace lacuna
