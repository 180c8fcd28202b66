#include "erofs-tools/layer/chunk_picker.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {

ChunkPicker::ChunkPicker(const std::vector<DevicePiece>& pieces, const ChunkDigests& digests,
                         const ChunkRange& chunks, ChunkDecoder::OnChunk on_chunk)
    : pieces_(pieces),
      digests_(digests),
      on_chunk_(std::move(on_chunk)),
      end_(chunks.last),
      next_(chunks.first),
      position_(chunks.first * kChunkSize),
      piece_(PieceBehind(pieces, position_)),
      chunk_(kChunkSize) {}

absl::Status ChunkPicker::Begin(uint64_t tar_offset) {
  tar_position_ = tar_offset;
  return HandOnComplete();
}

absl::Status ChunkPicker::Write(absl::Span<const char> tar) {
  while (!tar.empty() && !done()) {
    const DevicePiece& piece = pieces_[piece_];  // HandOnComplete has stopped at it
    position_ = std::max(position_, piece.device_offset);
    const uint64_t wanted = piece.tar_offset + (position_ - piece.device_offset);
    if (tar_position_ > wanted) return Wrong("the index says that it begins later than it does");
    const size_t skipped = std::min<uint64_t>(tar.size(), wanted - tar_position_);
    tar.remove_prefix(skipped);
    const size_t size = std::min<uint64_t>(tar.size(), std::min(piece.device_end(), ChunkEnd()) - position_);
    if (size > 0) std::memcpy(chunk_.data() + position_ % kChunkSize, tar.data(), size);
    tar.remove_prefix(size);
    tar_position_ += skipped + size;
    position_ += size;
    RETURN_IF_ERROR(HandOnComplete());
  }
  return absl::OkStatus();
}

uint64_t ChunkPicker::ChunkEnd() const {
  return BytesOf({next_, next_ + 1}, digests_.device_size()).end();
}

// Up to the first chunk for which bytes of the tar are missing. A chunk of zeros needs none.
absl::Status ChunkPicker::HandOnComplete() {
  while (!done()) {
    if (!digests_.IsZero(next_)) {
      while (piece_ < pieces_.size() && pieces_[piece_].device_end() <= position_) ++piece_;
      if (piece_ < pieces_.size() && std::max(position_, pieces_[piece_].device_offset) < ChunkEnd()) break;
    }
    RETURN_IF_ERROR(HandOn());
  }
  return absl::OkStatus();
}

absl::Status ChunkPicker::HandOn() {
  const auto bytes = absl::MakeSpan(chunk_).first(ChunkEnd() - next_ * kChunkSize);
  if (!digests_.Matches(next_, bytes)) return Wrong("it is not what its digest says");
  on_chunk_(next_, bytes);
  std::fill(bytes.begin(), bytes.end(), '\0');
  ++next_;
  position_ = next_ * kChunkSize;
  return absl::OkStatus();
}

absl::Status ChunkPicker::Wrong(absl::string_view what) const {
  return IntegrityError(absl::StrCat("chunk ", next_, " of the layer's device: ", what));
}

}  // namespace lacuna
