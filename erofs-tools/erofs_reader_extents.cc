// ErofsReader: where the bytes of files are.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/erofs_reader.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

// Chunk maps are read in pieces of so many bytes.
constexpr uint64_t kMapPiece = 64 * 1024;

}  // namespace

// `block` is the device's own, or with device 0 one of the image's address space, where devices may have a
// place, too (erofs_map_dev in the kernel).
absl::Status ErofsReader::AddExtent(uint64_t block, uint16_t device, uint64_t file_offset, uint64_t length,
                                    std::vector<ErofsExtent>& extents) const {
  if (device == 0) {
    auto mapped = std::upper_bound(mapped_.begin(), mapped_.end(), block,
                                   [](uint64_t at, const MappedDevice& one) { return at < one.first_block; });
    if (mapped != mapped_.begin() && block - (--mapped)->first_block < mapped->blocks) {
      block -= mapped->first_block;
      device = mapped->device;
    }
  }
  const uint64_t offset = block * metadata_.superblock.block_size;
  if (device >= device_sizes_.size() || length > device_sizes_[device] ||
      offset > device_sizes_[device] - length) {
    return IntegrityError(absl::StrCat("its bytes ", ToString(ByteRange{file_offset, length}),
                                       " should be at offset ", offset, " of device ", device,
                                       ", which does not have that"));
  }
  if (!extents.empty()) {
    ErofsExtent& last = extents.back();
    if (last.device == device && last.file_offset + last.length == file_offset &&
        last.device_offset + last.length == offset) {
      last.length += length;
      return absl::OkStatus();
    }
  }
  extents.push_back({file_offset, length, offset, device});
  return absl::OkStatus();
}

absl::StatusOr<std::vector<ErofsExtent>> ErofsReader::ReadExtents(const ErofsInode& inode) {
  if (inode.size == 0) return std::vector<ErofsExtent>();
  return inode.layout == DataLayout::kChunkBased ? ChunkExtents(inode) : FlatExtents(inode);
}

absl::StatusOr<std::vector<ErofsExtent>> ErofsReader::FlatExtents(const ErofsInode& inode) const {
  std::vector<ErofsExtent> extents;
  ASSIGN_OR_RETURN(const uint64_t tail, TailLength(inode));
  const uint64_t in_blocks = inode.size - tail;
  if (in_blocks > 0) RETURN_IF_ERROR(AddExtent(inode.data, 0, 0, in_blocks, extents));
  if (tail == 0) return extents;
  if (inode.body_offset() + tail > window_.size()) {
    return IntegrityError("what is stored beside its inode lies outside the image");
  }
  extents.push_back({in_blocks, tail, inode.body_offset(), 0});
  return extents;
}

absl::StatusOr<std::vector<ErofsExtent>> ErofsReader::ChunkExtents(const ErofsInode& inode) {
  if ((inode.data & ~uint32_t{kChunkBitsMask | kChunkIndexes}) != 0) {
    return absl::UnimplementedError(
        absl::StrCat("its chunk format ", inode.data, " is unknown; a newer lacuna may know it"));
  }
  const bool has_indexes = (inode.data & kChunkIndexes) != 0;
  const uint64_t unit = has_indexes ? chunk_index::kSize : kBlockMapEntrySize;
  const uint64_t chunk_size = uint64_t{metadata_.superblock.block_size} << (inode.data & kChunkBitsMask);
  const uint64_t chunks = (inode.size - 1) / chunk_size + 1;
  const uint64_t begin = RoundUp(inode.body_offset(), unit);
  if (begin > window_.size() || chunks > (window_.size() - begin) / unit) {
    return IntegrityError(absl::StrCat("its map of ", chunks, " chunks does not fit the image"));
  }
  std::vector<ErofsExtent> extents;
  const uint64_t per_piece = kMapPiece / unit;
  std::string piece;
  for (uint64_t i = 0; i < chunks; ++i) {
    if (i % per_piece == 0) {
      ASSIGN_OR_RETURN(piece, ReadPrivate(begin + i * unit, std::min(per_piece, chunks - i) * unit));
    }
    const absl::Span<const char> entry = absl::MakeConstSpan(piece).subspan(i % per_piece * unit, unit);
    const auto block = LoadLittleEndian<uint32_t>(entry, has_indexes ? chunk_index::kBlock : 0);
    const uint16_t device = has_indexes ? LoadLittleEndian<uint16_t>(entry, chunk_index::kDevice) : 0;
    if (block == kNullBlock) continue;
    const uint64_t offset = i * chunk_size;
    RETURN_IF_ERROR(AddExtent(block, device, offset, std::min(chunk_size, inode.size - offset), extents));
  }
  return extents;
}

}  // namespace lacuna
