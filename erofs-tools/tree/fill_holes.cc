#include "erofs-tools/tree/fill_holes.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "daemon/base/byte_range.h"

namespace lacuna {
namespace {

// Of a whole tree: 256 MiB of memory.
constexpr size_t kMaxPieces = 8 * 1024 * 1024;

bool HasHole(const FileNode& file) {
  uint64_t end = 0;
  for (const DataExtent& extent : file.extents) {
    if (extent.file_offset > end) return true;
    end = extent.file_end();
  }
  return false;
}

// The largest power of two that divides each place where an extent begins, or ends before the file does.
uint64_t PieceSize(const FileNode& file) {
  uint64_t bits = kMaxZeroPiece;
  for (const DataExtent& extent : file.extents) {
    bits |= extent.file_offset;
    if (extent.file_end() < file.size) bits |= extent.file_end();
  }
  return bits & (~bits + 1);
}

}  // namespace

absl::StatusOr<uint64_t> FillHoles(FileTree& tree, uint16_t zeros) {
  uint64_t needed = 0;
  size_t pieces = 0;
  for (NodeId id = 0; id < tree.size(); ++id) {
    FileNode& file = tree.node(id);
    if (file.type != FileType::kRegular || !HasHole(file)) continue;
    const uint64_t piece = PieceSize(file);
    needed = std::max(needed, piece);
    std::vector<DataExtent> filled;
    uint64_t end = 0;
    for (const DataExtent& extent : file.extents) {
      pieces += (extent.file_offset - end) / piece;
      if (pieces > kMaxPieces) return absl::ResourceExhaustedError("its sparse files have too many holes");
      for (; end < extent.file_offset; end += piece) {
        filled.push_back({.file_offset = end, .device_offset = 0, .length = piece, .device = zeros});
      }
      filled.push_back(extent);
      end = extent.file_end();
    }
    file.extents = std::move(filled);
  }
  return needed;
}

}  // namespace lacuna
