#include "erofs-tools/layer/layer_index.h"

#include "erofs-tools/layer/layer_index_format.h"
#include "erofs-tools/layer/zstd_stream.h"
#include "proto/lacuna/index/v1/index.pb.h"

namespace lacuna {
namespace {

// Most of an index is compressed already.
constexpr int kLevel = 9;

index::v1::Codec CodecToProto(LayerCodec codec) {
  switch (codec) {
    case LayerCodec::kPlain:
      return index::v1::CODEC_PLAIN;
    case LayerCodec::kGzip:
      return index::v1::CODEC_GZIP;
    case LayerCodec::kZstd:
      break;
  }
  return index::v1::CODEC_ZSTD;
}

void CheckpointsToProto(const std::vector<GzipCheckpoint>& checkpoints, index::v1::LayerIndex& message) {
  uint64_t tar = 0;
  uint64_t blob = 0;
  for (const GzipCheckpoint& checkpoint : checkpoints) {
    index::v1::GzipCheckpoint* to = message.add_checkpoints();
    to->set_tar_delta(checkpoint.tar_offset - tar);
    to->set_blob_delta(checkpoint.blob_offset - blob);
    to->set_bits(checkpoint.bits);
    to->set_window(checkpoint.window);
    tar = checkpoint.tar_offset;
    blob = checkpoint.blob_offset;
  }
}

void ChunksToProto(const LayerIndex& index, index::v1::LayerIndex& message) {
  message.set_device_size(index.chunks.device_size());
  message.set_chunk_sums(index.chunks.Sums());
  uint64_t end = 0;
  for (const ChunkRange& range : index.chunks.zeros()) {
    message.add_zero_ranges(range.first - end);
    message.add_zero_ranges(range.size());
    end = range.last;
  }
  uint64_t blob = 0;
  for (const uint64_t blob_end : index.chunk_blob_ends) {
    message.add_chunk_blob_ends(blob_end - blob);
    blob = blob_end;
  }
}

}  // namespace

std::string SerializeLayerIndex(const LayerIndex& index) {
  index::v1::LayerIndex message;
  message.set_format_version(kIndexFormatVersion);
  message.set_diff_id(index.diff_id.ToString());
  message.set_layer_digest(index.layer_digest.ToString());
  message.set_layer_size(index.layer_size);
  message.set_tar_size(index.tar_size);
  message.set_device_layout(kDeviceLayout);
  message.set_codec(CodecToProto(index.codec));
  message.set_structure(index.structure);
  message.set_structure_size(index.structure_size);
  ChunksToProto(index, message);
  CheckpointsToProto(index.checkpoints, message);
  return ZstdCompress(message.SerializeAsString(), kLevel);
}

}  // namespace lacuna
