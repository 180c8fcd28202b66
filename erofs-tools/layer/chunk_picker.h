// From a layer's tar, as a stream that may begin anywhere, to chunks of its device.
//
// Caller: ChunkDecoder. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/layer/chunk_decoder.h"

namespace lacuna {

class ChunkPicker {
 public:
  // Picks `chunks`. What they refer to outlives this.
  ChunkPicker(const std::vector<DevicePiece>& pieces, const ChunkDigests& digests, const ChunkRange& chunks,
              ChunkDecoder::OnChunk on_chunk);

  // The first that was not handed on, and whether that was all.
  uint64_t next() const { return next_; }
  bool done() const { return next_ == end_; }

  // The tar's bytes from here on are to be written next. IntegrityError as below.
  absl::Status Begin(uint64_t tar_offset);
  // Hands on each chunk when its last byte is there. IntegrityError when it is not what its digest says, or
  // when the bytes began too late for it.
  absl::Status Write(absl::Span<const char> tar);

 private:
  uint64_t ChunkEnd() const;
  absl::Status HandOnComplete();
  absl::Status HandOn();
  absl::Status Wrong(absl::string_view what) const;

  const std::vector<DevicePiece>& pieces_;
  const ChunkDigests& digests_;
  const ChunkDecoder::OnChunk on_chunk_;
  const uint64_t end_;
  uint64_t next_;
  uint64_t position_;  // on the device: what lies before it, from next_ on, is in chunk_
  size_t piece_;       // the first that ends behind it
  uint64_t tar_position_ = 0;
  std::vector<char> chunk_;
};

}  // namespace lacuna
