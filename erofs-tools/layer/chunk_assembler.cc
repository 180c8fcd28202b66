#include "erofs-tools/layer/chunk_assembler.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/base/byte_range.h"
#include "daemon/base/status.h"

namespace lacuna {

ChunkAssembler::ChunkAssembler(OnChunk on_chunk) : on_chunk_(std::move(on_chunk)), chunk_(kChunkSize) {}

absl::Status ChunkAssembler::Write(uint64_t offset, absl::Span<const char> bytes, uint64_t blob_bytes) {
  while (!bytes.empty()) {
    RETURN_IF_ERROR(AdvanceTo(offset));
    const size_t at = offset - digests_.device_size();
    const size_t size = std::min(bytes.size(), chunk_.size() - at);
    std::memcpy(chunk_.data() + at, bytes.data(), size);
    filled_ = at + size;
    blob_bytes_ = blob_bytes;
    offset += size;
    bytes.remove_prefix(size);
  }
  return absl::OkStatus();
}

absl::Status ChunkAssembler::Finish(uint64_t device_size) {
  RETURN_IF_ERROR(AdvanceTo(device_size));
  const size_t rest = device_size - digests_.device_size();
  return rest > 0 ? Complete(rest) : absl::OkStatus();
}

absl::Status ChunkAssembler::AdvanceTo(uint64_t offset) {
  if (offset - digests_.device_size() < kChunkSize) return absl::OkStatus();
  if (filled_ > 0) RETURN_IF_ERROR(Complete(kChunkSize));
  const uint64_t zeros = (offset - digests_.device_size()) / kChunkSize;
  digests_.AppendZeros(zeros * kChunkSize);
  blob_ends_.insert(blob_ends_.end(), zeros, blob_bytes_);
  return absl::OkStatus();
}

absl::Status ChunkAssembler::Complete(size_t size) {
  const absl::Span<const char> bytes = absl::MakeConstSpan(chunk_).first(size);
  if (on_chunk_ && !AllZero(bytes)) RETURN_IF_ERROR(on_chunk_(blob_ends_.size(), bytes));
  digests_.Append(bytes);
  blob_ends_.push_back(blob_bytes_);
  std::fill_n(chunk_.begin(), filled_, '\0');
  filled_ = 0;
  return absl::OkStatus();
}

}  // namespace lacuna
