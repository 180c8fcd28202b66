#include "erofs-tools/layer/zero_holes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/base/byte_range.h"
#include "erofs-tools/layer/device_layout.h"

namespace lacuna {
namespace {

constexpr uint64_t kLeastCell = 16 * 1024;

// Appends [begin, end) to ascending ranges, as part of the last where they touch.
void Append(uint64_t begin, uint64_t end, std::vector<ByteRange>& ranges) {
  if (begin >= end) return;
  if (!ranges.empty() && ranges.back().end() == begin) {
    ranges.back().length = end - ranges.back().offset;
  } else {
    ranges.push_back({begin, end - begin});
  }
}

// Appends the bytes of the file in `extent` that are in chunks of zeros.
void AppendZeros(const DataExtent& extent, const ChunkDigests& chunks, std::vector<ByteRange>& zeros) {
  const ByteRange on_device{extent.device_offset, extent.length};
  auto range = std::partition_point(chunks.zeros().begin(), chunks.zeros().end(), [&](const ChunkRange& r) {
    return r.last * kChunkSize <= on_device.offset;
  });
  for (; range != chunks.zeros().end() && range->first * kChunkSize < on_device.end(); ++range) {
    const ByteRange both = Intersection(BytesOf(*range, chunks.device_size()), on_device);
    const uint64_t begin = extent.file_offset + (both.offset - on_device.offset);
    Append(begin, begin + both.length, zeros);
  }
}

// The bytes of the file that are in holes or in chunks of zeros. Empty when no extent has any of the latter.
std::vector<ByteRange> Zeros(const FileNode& file, uint64_t file_end, const ChunkDigests& chunks) {
  std::vector<ByteRange> zeros;
  bool any = false;
  uint64_t position = 0;
  for (const DataExtent& extent : file.extents) {
    Append(position, extent.file_offset, zeros);
    std::vector<ByteRange> in_extent;
    AppendZeros(extent, chunks, in_extent);
    any = any || !in_extent.empty();
    for (const ByteRange& range : in_extent) Append(range.offset, range.end(), zeros);
    position = extent.file_end();
  }
  Append(position, file_end, zeros);
  if (!any) zeros.clear();
  return zeros;
}

// Appends the bytes [begin, end) of the file that `extent` holds.
void AppendPart(const DataExtent& extent, uint64_t begin, uint64_t end, std::vector<DataExtent>& parts) {
  begin = std::max(begin, extent.file_offset);
  end = std::min(end, extent.file_end());
  if (begin >= end) return;
  DataExtent part = extent;
  part.file_offset = begin;
  part.device_offset += begin - extent.file_offset;
  part.length = end - begin;
  parts.push_back(part);
}

// `extents` without `holes`, both ascending.
std::vector<DataExtent> Without(const std::vector<ByteRange>& holes, const std::vector<DataExtent>& extents) {
  std::vector<DataExtent> kept;
  auto hole = holes.begin();
  for (const DataExtent& extent : extents) {
    uint64_t position = extent.file_offset;
    while (hole != holes.end() && hole->end() <= position) ++hole;
    for (auto next = hole; next != holes.end() && next->offset < extent.file_end(); ++next) {
      AppendPart(extent, position, next->offset, kept);
      position = next->end();
    }
    AppendPart(extent, position, extent.file_end(), kept);
  }
  return kept;
}

void CutFile(const ChunkDigests& chunks, FileNode& file) {
  const uint64_t cell = FileUnit(file.size, kLeastCell);
  const uint64_t file_end = RoundUp(file.size, cell);
  std::vector<ByteRange> holes;
  for (const ByteRange& zeros : Zeros(file, file_end, chunks)) {
    Append(RoundUp(zeros.offset, cell), zeros.end() / cell * cell, holes);
  }
  if (!holes.empty()) file.extents = Without(holes, file.extents);
}

}  // namespace

void CutZeros(const ChunkDigests& chunks, FileTree& tree) {
  if (chunks.zeros().empty()) return;
  for (size_t i = 0; i < tree.size(); ++i) {
    FileNode& node = tree.node(static_cast<NodeId>(i));
    if (node.type == FileType::kRegular && !node.extents.empty()) CutFile(chunks, node);
  }
}

}  // namespace lacuna
