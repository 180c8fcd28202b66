#include "erofs-tools/layer/chunk_decoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/chunk_picker.h"
#include "erofs-tools/layer/gzip_inflater.h"

namespace lacuna {
namespace {

// The checkpoint at which the plan's bytes begin.
const GzipCheckpoint& CheckpointAt(uint64_t blob_offset, const std::vector<GzipCheckpoint>& checkpoints) {
  const auto behind = std::partition_point(
      checkpoints.begin(), checkpoints.end(),
      [=](const GzipCheckpoint& checkpoint) { return BlobBegin(checkpoint) <= blob_offset; });
  return *std::prev(behind);  // the first is at 0
}

}  // namespace

class ChunkDecoder::State {
 public:
  State(std::shared_ptr<const ChunkMapper> mapper, const DecodePlan& plan, OnChunk on_chunk)
      : mapper_(std::move(mapper)),
        plan_(plan),
        picker_(mapper_->pieces_, mapper_->index().chunks, plan.chunks, std::move(on_chunk)) {}

  uint64_t next() const { return picker_.next(); }

  absl::Status Write(absl::Span<const char> blob) {
    if (!begun_) RETURN_IF_ERROR(Begin());
    if (picker_.done()) return absl::OkStatus();
    blob = blob.first(std::min<uint64_t>(blob.size(), plan_.blob.length - written_));
    written_ += blob.size();
    const absl::Status status = inflater_ == nullptr ? OnTar(blob) : inflater_->Write(blob);
    if (picker_.done()) return absl::OkStatus();
    RETURN_IF_ERROR(status);
    if (written_ < plan_.blob.length) return absl::OkStatus();
    return IntegrityError(absl::StrCat("chunk ", next(), " of the layer's device: bytes ",
                                       ToString(plan_.blob),
                                       " of the layer do not have it, as its index says they do"));
  }

 private:
  absl::Status Begin() {
    begun_ = true;
    const LayerIndex& index = mapper_->index();
    if (index.codec == LayerCodec::kPlain) return picker_.Begin(plan_.blob.offset);
    const GzipCheckpoint& checkpoint = CheckpointAt(plan_.blob.offset, index.checkpoints);
    RETURN_IF_ERROR(picker_.Begin(checkpoint.tar_offset));
    ASSIGN_OR_RETURN(inflater_,
                     GzipInflater::From(checkpoint, [this](auto tar, uint64_t) { return OnTar(tar); }));
    return absl::OkStatus();
  }

  // Write knows that an error after the last chunk is none: it keeps the rest from being inflated.
  absl::Status OnTar(absl::Span<const char> tar) {
    RETURN_IF_ERROR(picker_.Write(tar));
    return picker_.done() ? absl::CancelledError("all chunks are out") : absl::OkStatus();
  }

  const std::shared_ptr<const ChunkMapper> mapper_;
  const DecodePlan plan_;
  ChunkPicker picker_;
  std::unique_ptr<BlobInflater> inflater_;  // of gzip
  bool begun_ = false;
  uint64_t written_ = 0;
};

ChunkDecoder::ChunkDecoder(std::shared_ptr<const ChunkMapper> mapper, const DecodePlan& plan,
                           OnChunk on_chunk)
    : state_(std::make_unique<State>(std::move(mapper), plan, std::move(on_chunk))) {}
ChunkDecoder::~ChunkDecoder() = default;

absl::Status ChunkDecoder::Write(absl::Span<const char> blob_bytes) {
  return state_->Write(blob_bytes);
}

uint64_t ChunkDecoder::next() const {
  return state_->next();
}

}  // namespace lacuna
