#include "daemon/base/byte_range.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace lacuna {

std::string ToString(const ByteRange& range) {
  return absl::StrCat("[", range.offset, ", ", range.end(), ")");
}

ByteRange Intersection(const ByteRange& a, const ByteRange& b) {
  const uint64_t begin = std::max(a.offset, b.offset);
  const uint64_t end = std::min(a.end(), b.end());
  return begin < end ? ByteRange{begin, end - begin} : ByteRange{};
}

ChunkRange ChunksOf(const ByteRange& range) {
  if (range.empty()) return {};
  return {range.offset / kChunkSize, (range.end() - 1) / kChunkSize + 1};
}

ByteRange BytesOf(const ChunkRange& chunks, uint64_t object_size) {
  const uint64_t begin = std::min(chunks.first * kChunkSize, object_size);
  const uint64_t end = std::min(chunks.last * kChunkSize, object_size);
  return {begin, end - begin};
}

}  // namespace lacuna
