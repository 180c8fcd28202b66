#include "erofs-tools/cli/index_difference.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"

namespace lacuna {
namespace {

std::string ChunkDifference(const ChunkDigests& stored, const ChunkDigests& made) {
  if (stored.device_size() != made.device_size()) return "device size";
  const std::string left = stored.Sums();
  const std::string right = made.Sums();
  constexpr size_t kSum = sizeof(ChunkDigests::Sum);
  size_t sums = 0;  // behind
  for (uint64_t chunk = 0; chunk < ChunkCount(made.device_size()); ++chunk) {
    const bool zero = made.IsZero(chunk);
    if (stored.IsZero(chunk) != zero) return absl::StrCat("chunk ", chunk);
    if (zero) continue;
    if (std::memcmp(left.data() + sums * kSum, right.data() + sums * kSum, kSum) != 0) {
      return absl::StrCat("chunk ", chunk);
    }
    ++sums;
  }
  return "";
}

bool Same(const GzipCheckpoint& a, const GzipCheckpoint& b) {
  return a.tar_offset == b.tar_offset && a.blob_offset == b.blob_offset && a.bits == b.bits &&
         a.window == b.window;
}

std::string CheckpointDifference(const LayerIndex& stored, const LayerIndex& made) {
  const auto& left = stored.checkpoints;
  const auto& right = made.checkpoints;
  const auto [at, other] = std::mismatch(left.begin(), left.end(), right.begin(), right.end(), Same);
  if (at == left.end() && other == right.end()) return "";
  return absl::StrCat("checkpoint ", at - left.begin());
}

}  // namespace

std::string FirstDifference(const LayerIndex& stored, const LayerIndex& made) {
  if (stored.diff_id != made.diff_id) return "diffID";
  if (stored.layer_digest != made.layer_digest) return "layer digest";
  if (stored.layer_size != made.layer_size) return "layer size";
  if (stored.codec != made.codec) return "codec";
  if (stored.tar_size != made.tar_size) return "tar size";
  if (stored.structure_size != made.structure_size || stored.structure != made.structure) return "structure";
  if (std::string chunk = ChunkDifference(stored.chunks, made.chunks); !chunk.empty()) return chunk;
  if (std::string checkpoint = CheckpointDifference(stored, made); !checkpoint.empty()) return checkpoint;
  return stored.chunk_blob_ends == made.chunk_blob_ends ? "" : "chunks' ends in the blob";
}

}  // namespace lacuna
