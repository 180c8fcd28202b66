#include "erofs-tools/chunk_map.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

absl::Status CheckExtents(const FileNode& file, const std::vector<ErofsDevice>& devices) {
  if (file.size > uint64_t{std::numeric_limits<int64_t>::max()}) {
    return absl::InvalidArgumentError("no file may be longer than 2^63 - 1 bytes");
  }
  uint64_t end = 0;
  for (const DataExtent& extent : file.extents) {
    const ByteRange device_range{extent.device_offset, extent.length};
    if ((extent.file_offset | extent.device_offset | extent.length) % kBlockSize != 0 || extent.length == 0 ||
        extent.file_offset < end || extent.length > RoundUp(file.size, kBlockSize) ||
        extent.file_offset > RoundUp(file.size, kBlockSize) - extent.length) {
      return absl::InvalidArgumentError(
          absl::StrCat("its extent ", ToString(ByteRange{extent.file_offset, extent.length}),
                       " is misaligned, out of order or behind the file's end at ", file.size));
    }
    end = extent.file_end();
    if (extent.device >= devices.size() || extent.length > devices[extent.device].size ||
        extent.device_offset > devices[extent.device].size - extent.length) {
      return absl::InvalidArgumentError(absl::StrCat("its extent is ", ToString(device_range), " of device ",
                                                     extent.device, ", which does not have that"));
    }
  }
  return absl::OkStatus();
}

bool Continues(const DataExtent& before, const DataExtent& after) {
  return before.file_end() == after.file_offset && before.device == after.device &&
         before.device_offset + before.length == after.device_offset;
}

}  // namespace

absl::StatusOr<ChunkMap> PlanChunkMap(const FileNode& file, const std::vector<ErofsDevice>& devices) {
  RETURN_IF_ERROR(CheckExtents(file, devices));
  const uint64_t file_blocks = RoundUp(file.size, kBlockSize) / kBlockSize;
  // Its trailing zeros tell what all places where something else begins are multiples of.
  uint64_t boundaries = uint64_t{1} << kMaxChunkBlockBits;
  for (size_t i = 0; i < file.extents.size(); ++i) {
    const DataExtent& extent = file.extents[i];
    if (i == 0 || !Continues(file.extents[i - 1], extent)) boundaries |= extent.file_offset / kBlockSize;
    const bool continued = i + 1 < file.extents.size() && Continues(extent, file.extents[i + 1]);
    const uint64_t end = extent.file_end() / kBlockSize;
    if (!continued && end < file_blocks) boundaries |= end;
  }
  const int whole_file = static_cast<int>(std::bit_width(std::max<uint64_t>(file_blocks, 1) - 1));
  const int bits = std::min(std::countr_zero(boundaries), whole_file);
  const uint64_t chunks = ((file_blocks - 1) >> bits) + 1;
  if (chunks > kMaxChunksOfFile) {
    return absl::InvalidArgumentError(absl::StrCat("its holes need ", chunks, " chunks, more than ",
                                                   kMaxChunksOfFile, "; make it less sparse"));
  }
  return ChunkMap{static_cast<uint8_t>(bits), static_cast<uint32_t>(chunks)};
}

void StoreChunkMap(const FileNode& file, const ChunkMap& map, absl::Span<char> out) {
  auto extent = file.extents.begin();
  for (uint64_t i = 0; i < map.chunks; ++i) {
    const uint64_t offset = (i << map.block_bits) * kBlockSize;
    while (extent != file.extents.end() && extent->file_end() <= offset) ++extent;
    const absl::Span<char> index = out.subspan(i * chunk_index::kSize, chunk_index::kSize);
    if (extent == file.extents.end() || extent->file_offset > offset) {
      StoreLittleEndian<uint32_t>(kNullBlock, index, chunk_index::kBlock);
      continue;
    }
    const uint64_t device_offset = extent->device_offset + (offset - extent->file_offset);
    StoreLittleEndian<uint16_t>(static_cast<uint16_t>(extent->device + 1), index, chunk_index::kDevice);
    StoreLittleEndian<uint32_t>(static_cast<uint32_t>(device_offset / kBlockSize), index,
                                chunk_index::kBlock);
  }
}

}  // namespace lacuna
