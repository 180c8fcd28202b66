#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/chunk_decoder.h"

namespace lacuna {
namespace {

// A plan brings at most so many chunks before those that are wanted, and behind them: what ordinary files
// have in the megabyte between checkpoints, but not all zeros of a sparse one.
constexpr uint64_t kMaxChunksAlong = 1024;

// From the first to the last of `chunks` that is not zero; empty when all are.
ChunkRange WithoutOuterZeros(ChunkRange chunks, const ChunkDigests& digests) {
  while (!chunks.empty() && digests.IsZero(chunks.first)) ++chunks.first;
  while (!chunks.empty() && digests.IsZero(chunks.last - 1)) --chunks.last;
  return chunks;
}

// The bytes of the tar that are in `device`, and what lies between them.
ByteRange TarRange(const ByteRange& device, const std::vector<DevicePiece>& pieces) {
  const size_t first = PieceBehind(pieces, device.offset);
  if (first == pieces.size() || pieces[first].device_offset >= device.end()) return {};
  size_t last = PieceBehind(pieces, device.end());  // it reaches beyond, or begins there
  if (last == pieces.size() || pieces[last].device_offset >= device.end()) --last;
  const DevicePiece& from = pieces[first];
  const DevicePiece& to = pieces[last];
  const uint64_t begin = from.tar_offset + (std::max(device.offset, from.device_offset) - from.device_offset);
  const uint64_t end = to.tar_offset + (std::min(device.end(), to.device_end()) - to.device_offset);
  return {begin, end - begin};
}

// The device's bytes up to here come, in part, out of the tar before `tar_offset`.
uint64_t DeviceEndBefore(uint64_t tar_offset, const std::vector<DevicePiece>& pieces) {
  const auto behind = std::partition_point(
      pieces.begin(), pieces.end(), [=](const DevicePiece& piece) { return piece.tar_offset < tar_offset; });
  if (behind == pieces.begin()) return 0;
  const DevicePiece& piece = *std::prev(behind);
  return piece.device_offset + (std::min(tar_offset, piece.tar_end()) - piece.tar_offset);
}

// The chunks that come, at least in part, out of the tar before the first checkpoint at `tar_offset` or
// behind.
uint64_t ChunksBeforeCheckpoint(uint64_t tar_offset, const LayerIndex& index,
                                const std::vector<DevicePiece>& pieces) {
  const auto behind = std::partition_point(
      index.checkpoints.begin(), index.checkpoints.end(),
      [=](const GzipCheckpoint& checkpoint) { return checkpoint.tar_offset < tar_offset; });
  const uint64_t end = behind == index.checkpoints.end() ? index.tar_size : behind->tar_offset;
  return ChunkCount(DeviceEndBefore(end, pieces));
}

// The last one at `tar_offset` or before.
const GzipCheckpoint& CheckpointBefore(uint64_t tar_offset, const std::vector<GzipCheckpoint>& checkpoints) {
  const auto behind = std::partition_point(
      checkpoints.begin(), checkpoints.end(),
      [=](const GzipCheckpoint& checkpoint) { return checkpoint.tar_offset <= tar_offset; });
  return *std::prev(behind);  // the first is at 0
}

}  // namespace

absl::StatusOr<std::shared_ptr<const ChunkMapper>> ChunkMapper::Of(std::shared_ptr<const LayerIndex> index) {
  if (index->codec == LayerCodec::kZstd) {
    return absl::UnimplementedError(
        "a layer of zstd has no restart points, and can be read as a stream only");
  }
  const std::shared_ptr<ChunkMapper> mapper(new ChunkMapper);
  ASSIGN_OR_RETURN(mapper->pieces_, ReadDevicePieces(*index));
  mapper->index_ = std::move(index);
  return mapper;
}

DecodePlan ChunkMapper::Plan(const ChunkRange& wanted) const {
  DecodePlan plan{.blob = {}, .chunks = wanted};
  const ChunkRange needed = WithoutOuterZeros(wanted, index_->chunks);
  const ByteRange tar = TarRange(BytesOf(needed, index_->chunks.device_size()), pieces_);
  if (tar.empty()) return plan;
  if (index_->codec == LayerCodec::kPlain) {
    plan.blob = tar;
    return plan;
  }
  const GzipCheckpoint& from = CheckpointBefore(tar.offset, index_->checkpoints);
  const uint64_t first_whole = ChunkCount(DeviceEndBefore(from.tar_offset, pieces_));
  const uint64_t least = wanted.first - std::min(wanted.first, kMaxChunksAlong);
  plan.chunks.first = std::min(wanted.first, std::max(first_whole, least));
  const ByteRange last =
      TarRange(BytesOf({needed.last - 1, needed.last}, index_->chunks.device_size()), pieces_);
  const uint64_t last_begun = ChunksBeforeCheckpoint(last.offset + 1, *index_, pieces_);
  plan.chunks.last = std::max(wanted.last, std::min(last_begun, wanted.last + kMaxChunksAlong));
  const ChunkRange brought = WithoutOuterZeros(plan.chunks, index_->chunks);
  // An index may say that a chunk ends before it begins: then it does not come out.
  const uint64_t end = std::max(from.blob_offset, index_->chunk_blob_ends[brought.last - 1]);
  plan.blob.offset = BlobBegin(from);
  plan.blob.length = end - plan.blob.offset;
  return plan;
}

}  // namespace lacuna
