// What makes a layer lazily readable: everything about it but the bodies of its files, and where in the blob
// each piece of its device is. The file format is protobuf lacuna.index.v1
// (proto/lacuna/index/v1/index.proto), zstd-compressed.
//
// The *device* of a layer (layout 1) is the bodies of its regular files in tar order, each padded with zeros
// to whole blocks (device_layout.h). Its tree, and which of its bytes are where in the tar, is read from the
// structure (layer_contents.h).
//
// Made by LayerIndexer, or parsed. A value; safe to use from any thread. An index is anybody's: Parse checks
// every number in it, so that what uses it need not.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "erofs-tools/layer/chunk_digests.h"

namespace lacuna {

enum class LayerCodec {
  kPlain,  // the blob is the tar
  kGzip,   // one or several gzip members
  kZstd,   // can be read as a stream only: it has no restart points
};

// Where inflating can begin (zlib's examples/zran.c has the idea).
struct GzipCheckpoint {
  uint64_t tar_offset = 0;   // of the first byte that comes out
  uint64_t blob_offset = 0;  // of the first whole byte that goes in
  uint8_t bits = 0;          // 0 to 7 bits of the byte before it go in first
  std::string window;  // what came out before: at most 32 KiB, zstd-compressed; empty at a member's begin
};

// The first byte of the blob that goes in.
inline uint64_t BlobBegin(const GzipCheckpoint& checkpoint) {
  return checkpoint.blob_offset - (checkpoint.bits > 0 ? 1 : 0);
}

struct LayerIndex {
  Digest diff_id;  // of the tar
  Digest layer_digest;
  uint64_t layer_size = 0;  // bytes of the blob
  LayerCodec codec = LayerCodec::kPlain;
  uint64_t tar_size = 0;
  std::string structure;        // the tar without bodies (tar_reader.h), zstd-compressed
  uint64_t structure_size = 0;  // bytes, uncompressed
  ChunkDigests chunks;          // of the device; it also knows the device's size
  // Of gzip only. By tar_offset; the first is the tar's begin.
  std::vector<GzipCheckpoint> checkpoints;
  // Of gzip only: at [i], how many bytes of the blob must have gone in until the tar is out up to the last
  // byte of device chunk i.
  std::vector<uint64_t> chunk_blob_ends;
};

// What a file of an index may be, compressed or not, and what is in it: more is a mistake or an attack.
inline constexpr uint64_t kMaxIndexBytes = 256 * 1024 * 1024;
inline constexpr uint64_t kMaxStructureSize = uint64_t{4} * 1024 * 1024 * 1024;  // uncompressed
inline constexpr uint64_t kMaxLayerSize = uint64_t{2} << 40;                     // of the blob

std::string SerializeLayerIndex(const LayerIndex& index);
// InvalidArgument says what is wrong; a format version or a required feature that is unknown here is named.
absl::StatusOr<LayerIndex> ParseLayerIndex(absl::string_view bytes);

}  // namespace lacuna
