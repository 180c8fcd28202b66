// The chunk map of a regular file: which device block each of its equally long chunks begins at.
// Source: Linux Documentation/filesystems/erofs.rst, "Chunk-based files".
//
// Caller: WriteErofs. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "erofs-tools/erofs_writer.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

struct ChunkMap {
  uint8_t block_bits = 0;  // log2 of the blocks in a chunk, at most kMaxChunkBlockBits
  uint32_t chunks = 0;
};

inline constexpr uint8_t kMaxChunkBlockBits = 31;
inline constexpr uint32_t kMaxChunksOfFile = 16 * 1024 * 1024;

// The longest chunks with which each is one contiguous piece of one device, or a hole. InvalidArgument for
// extents that are out of order, misaligned, outside of the file or their device, and for more than
// kMaxChunksOfFile.
absl::StatusOr<ChunkMap> PlanChunkMap(const FileNode& file, const std::vector<ErofsDevice>& devices);

// Its indexes, chunk_index::kSize each, into `out`, which is zero.
void StoreChunkMap(const FileNode& file, const ChunkMap& map, absl::Span<char> out);

}  // namespace lacuna
