// The bytes of a chunk map on disk. Pure functions; safe from any thread. Caller: ChunkMap.
//
// Format version 1, integers little-endian. Two slots of equal size are written in turn, so that a torn write
// leaves the other. A slot:
//   header, 64 bytes: magic "LACUNAMP" · u32 version · u32 chunk size · u64 object size · u64 generation ·
//                     SHA-256 (32 bytes) over the 32 header bytes before it and the bitmap
//   bitmap: bit i of byte j is chunk 8j + i; bits past the last chunk are zero; whole 8 bytes
//   zeros up to a multiple of 4096 bytes
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lacuna {

// The chunk map of an object, as one commit writes it.
struct ChunkMapImage {
  uint64_t object_size = 0;     // bytes
  uint64_t generation = 0;      // counts commits, from 1
  std::vector<uint64_t> words;  // bit i of word w is chunk 64w + i; ChunkMapWords(object_size) of them
};

uint64_t ChunkMapWords(uint64_t object_size);
// The size in bytes of one slot.
uint64_t ChunkMapSlotSize(uint64_t object_size);

// The bytes of a slot, ChunkMapSlotSize(image.object_size) of them.
std::string EncodeChunkMap(const ChunkMapImage& image);
// DataLoss, saying what is wrong, unless `slot` is whole and belongs to an object of `object_size` bytes.
absl::StatusOr<ChunkMapImage> DecodeChunkMap(absl::Span<const char> slot, uint64_t object_size);

}  // namespace lacuna
