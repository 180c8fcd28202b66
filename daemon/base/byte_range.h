// A half-open range of bytes, and the arithmetic on ranges and chunks that every part of lacuna shares.
//
// Callers: everything. Values; safe to use from any thread.
#pragma once

#include <cstdint>
#include <string>

namespace lacuna {

// The unit that is fetched, verified and marked present (CONTRACT.md, "Files"). Bytes of device.
inline constexpr uint64_t kChunkSize = 64 * 1024;

// EROFS block, page, and the alignment of everything a kernel asks for.
inline constexpr uint64_t kBlockSize = 4096;

// Bytes [offset, offset + length).
struct ByteRange {
  uint64_t offset = 0;
  uint64_t length = 0;

  uint64_t end() const { return offset + length; }
  bool empty() const { return length == 0; }
  bool Contains(const ByteRange& other) const { return other.offset >= offset && other.end() <= end(); }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

// "[4096, 8192)", for messages.
std::string ToString(const ByteRange& range);

// Chunk numbers [first, last), all that a byte range touches. Empty for an empty range.
struct ChunkRange {
  uint64_t first = 0;
  uint64_t last = 0;

  uint64_t size() const { return last - first; }
  bool empty() const { return first == last; }
  friend bool operator==(const ChunkRange&, const ChunkRange&) = default;
};

constexpr uint64_t RoundUp(uint64_t value, uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}
constexpr uint64_t ChunkCount(uint64_t size) {
  return (size + kChunkSize - 1) / kChunkSize;
}

// What both have; empty where they are apart.
ByteRange Intersection(const ByteRange& a, const ByteRange& b);

// The chunks that `range` touches, and the bytes of `chunks` within an object of `object_size` bytes.
ChunkRange ChunksOf(const ByteRange& range);
ByteRange BytesOf(const ChunkRange& chunks, uint64_t object_size);

}  // namespace lacuna
