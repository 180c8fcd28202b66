#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/device_layout.h"
#include "erofs-tools/layer/gzip_inflater.h"
#include "erofs-tools/layer/layer_index.h"
#include "erofs-tools/layer/layer_index_format.h"
#include "erofs-tools/layer/zstd_stream.h"
#include "proto/lacuna/index/v1/index.pb.h"

namespace lacuna {
namespace {

using Message = index::v1::LayerIndex;

template <typename... Parts>
absl::Status Wrong(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat("index: ", parts...));
}

// `sum` grows by `delta`, and stays at most `limit`.
absl::Status Add(uint64_t delta, uint64_t limit, absl::string_view what, uint64_t& sum) {
  if (delta > limit - sum) return Wrong(what, " beyond ", limit);
  sum += delta;
  return absl::OkStatus();
}

absl::Status CheckFormat(const Message& message) {
  if (message.format_version() != kIndexFormatVersion) {
    return Wrong("its format version is ", message.format_version(), ", known is ", kIndexFormatVersion,
                 "; index the layer again or upgrade lacuna");
  }
  if (message.required_features() != 0) {
    return Wrong("it needs features unknown here (bitmap ", message.required_features(),
                 "); index the layer again or upgrade lacuna");
  }
  if (message.device_layout() != kDeviceLayout) {
    return Wrong("its device layout is ", message.device_layout(), ", known is ", kDeviceLayout);
  }
  return absl::OkStatus();
}

absl::Status ParseCodec(const Message& message, LayerIndex& index) {
  switch (message.codec()) {
    case index::v1::CODEC_PLAIN:
      index.codec = LayerCodec::kPlain;
      if (index.layer_size == index.tar_size) return absl::OkStatus();
      return Wrong("a plain layer of ", index.layer_size, " bytes cannot be a tar of ", index.tar_size);
    case index::v1::CODEC_GZIP:
      index.codec = LayerCodec::kGzip;
      return absl::OkStatus();
    case index::v1::CODEC_ZSTD:
      index.codec = LayerCodec::kZstd;
      return absl::OkStatus();
    default:
      return Wrong("codec ", static_cast<int>(message.codec()), " is unknown");
  }
}

absl::Status CheckSizes(const Message& message) {
  if (message.device_size() > kMaxDeviceSize) return Wrong("a device of ", message.device_size(), " bytes");
  if (message.layer_size() > kMaxLayerSize) return Wrong("a layer of ", message.layer_size(), " bytes");
  if (message.structure_size() > kMaxStructureSize) {
    return Wrong("a structure of ", message.structure_size(), " bytes");
  }
  if (message.tar_size() < message.structure_size() ||
      message.tar_size() - message.structure_size() > message.device_size()) {
    return Wrong("a tar of ", message.tar_size(), " bytes has no structure of ", message.structure_size(),
                 " and device of ", message.device_size());
  }
  return absl::OkStatus();
}

absl::Status ParseChunks(const Message& message, LayerIndex& index) {
  if (message.zero_ranges_size() % 2 != 0) return Wrong("half a range of zero chunks");
  const uint64_t chunks = ChunkCount(message.device_size());
  std::vector<ChunkRange> zeros;
  zeros.reserve(static_cast<size_t>(message.zero_ranges_size()) / 2);
  uint64_t chunk = 0;
  for (int i = 0; i < message.zero_ranges_size(); i += 2) {
    RETURN_IF_ERROR(Add(message.zero_ranges(i), chunks, "zero chunks", chunk));
    const uint64_t first = chunk;
    RETURN_IF_ERROR(Add(message.zero_ranges(i + 1), chunks, "zero chunks", chunk));
    zeros.push_back({first, chunk});
  }
  absl::StatusOr<ChunkDigests> digests =
      ChunkDigests::From(message.device_size(), std::move(zeros), message.chunk_sums());
  if (!digests.ok()) return Annotate(digests.status(), "index");
  index.chunks = *std::move(digests);
  return absl::OkStatus();
}

// A checkpoint behind the first.
absl::Status CheckCheckpoint(const index::v1::GzipCheckpoint& checkpoint) {
  if (checkpoint.tar_delta() == 0 || checkpoint.blob_delta() == 0)
    return Wrong("a checkpoint is there twice");
  if (checkpoint.bits() > 7) return Wrong("a checkpoint at bit ", checkpoint.bits());
  if (checkpoint.window().empty()) {
    return checkpoint.bits() == 0 ? absl::OkStatus() : Wrong("a gzip member that begins within a byte");
  }
  const absl::StatusOr<uint64_t> size = ZstdContentSize(checkpoint.window());
  if (!size.ok()) return Annotate(size.status(), "index, the window of a checkpoint");
  if (*size == 0 || *size > kGzipWindow) return Wrong("a window of ", *size, " bytes");
  return absl::OkStatus();
}

absl::Status ParseCheckpoints(Message& message, LayerIndex& index) {
  uint64_t tar = 0;
  uint64_t blob = 0;
  index.checkpoints.reserve(static_cast<size_t>(message.checkpoints_size()));
  for (index::v1::GzipCheckpoint& checkpoint : *message.mutable_checkpoints()) {
    RETURN_IF_ERROR(Add(checkpoint.tar_delta(), index.tar_size, "a checkpoint", tar));
    RETURN_IF_ERROR(Add(checkpoint.blob_delta(), index.layer_size, "a checkpoint", blob));
    if (!index.checkpoints.empty()) {
      RETURN_IF_ERROR(CheckCheckpoint(checkpoint));
    } else if (tar != 0 || blob != 0 || checkpoint.bits() != 0 || !checkpoint.window().empty()) {
      return Wrong("the first checkpoint is not the begin of the layer");
    }
    index.checkpoints.push_back({.tar_offset = tar,
                                 .blob_offset = blob,
                                 .bits = static_cast<uint8_t>(checkpoint.bits()),
                                 .window = std::move(*checkpoint.mutable_window())});
  }
  return absl::OkStatus();
}

absl::Status ParseGzip(Message& message, LayerIndex& index) {
  const uint64_t chunks = index.codec == LayerCodec::kGzip ? ChunkCount(index.chunks.device_size()) : 0;
  if (static_cast<uint64_t>(message.chunk_blob_ends_size()) != chunks) {
    return Wrong(message.chunk_blob_ends_size(), " ends of chunks instead of ", chunks);
  }
  if ((index.codec == LayerCodec::kGzip) != (message.checkpoints_size() > 0)) {
    return Wrong(message.checkpoints_size(), " checkpoints");
  }
  RETURN_IF_ERROR(ParseCheckpoints(message, index));
  uint64_t end = 0;
  index.chunk_blob_ends.reserve(chunks);
  for (const uint64_t delta : message.chunk_blob_ends()) {
    RETURN_IF_ERROR(Add(delta, index.layer_size, "a chunk's end", end));
    index.chunk_blob_ends.push_back(end);
  }
  return absl::OkStatus();
}

absl::StatusOr<LayerIndex> FromMessage(Message& message) {
  RETURN_IF_ERROR(CheckFormat(message));
  RETURN_IF_ERROR(CheckSizes(message));
  LayerIndex index;
  ASSIGN_OR_RETURN(index.diff_id, Digest::Parse(message.diff_id()));
  ASSIGN_OR_RETURN(index.layer_digest, Digest::Parse(message.layer_digest()));
  index.layer_size = message.layer_size();
  index.tar_size = message.tar_size();
  index.structure_size = message.structure_size();
  index.structure = std::move(*message.mutable_structure());
  RETURN_IF_ERROR(ParseCodec(message, index));
  RETURN_IF_ERROR(ParseChunks(message, index));
  RETURN_IF_ERROR(ParseGzip(message, index));
  return index;
}

}  // namespace

absl::StatusOr<LayerIndex> ParseLayerIndex(absl::string_view bytes) {
  if (bytes.size() > kMaxIndexBytes) return Wrong("a file of ", bytes.size(), " bytes");
  const absl::StatusOr<std::string> content = ZstdDecompress(bytes, kMaxIndexBytes);
  if (!content.ok()) return Annotate(content.status(), "index");
  Message message;
  if (!message.ParseFromString(*content)) return Wrong("not a message of lacuna.index.v1");
  return FromMessage(message);
}

}  // namespace lacuna
