#include "erofs-tools/layer/device_layout.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr uint64_t kMaxUnits = 32'768;
// What the arithmetic below can hold; more than any file system can.
constexpr uint64_t kMaxFileSize = uint64_t{1} << 62;

absl::Status TooMuch(const TarEntry& file, absl::string_view what) {
  return absl::ResourceExhaustedError(absl::StrCat(file.path, ": ", what));
}

// Lets `extents` reach over all units that `segment` touches; the device grows by what is new.
absl::Status Cover(const ByteRange& segment, uint64_t unit, uint64_t file_end, uint64_t& device_size,
                   std::vector<DataExtent>& extents) {
  const uint64_t begin = segment.offset / unit * unit;
  const uint64_t end = std::min(RoundUp(segment.end(), unit), file_end);
  if (extents.empty() || extents.back().file_end() < begin) {
    extents.push_back({.file_offset = begin, .device_offset = device_size});
  }
  DataExtent& extent = extents.back();
  const uint64_t more = end - extent.file_end();
  if (more > kMaxDeviceSize - device_size) {
    return absl::ResourceExhaustedError("with it the layer's files are larger than a terabyte");
  }
  extent.length += more;
  device_size += more;
  return absl::OkStatus();
}

}  // namespace

uint64_t FileUnit(uint64_t size, uint64_t least) {
  uint64_t unit = least;
  while (size > unit * kMaxUnits) unit *= 2;
  return unit;
}

absl::StatusOr<PlacedFile> DeviceLayout::Place(const TarEntry& file, uint64_t tar_offset) {
  if (file.size > kMaxFileSize) return TooMuch(file, "no file system holds a file of this size");
  if (file.segments.size() > kMaxDevicePieces - pieces_) {
    return TooMuch(file, "with it the layer's files are in too many pieces");
  }
  pieces_ += file.segments.size();
  const uint64_t unit = FileUnit(file.size, kBlockSize);
  const uint64_t file_end = RoundUp(file.size, kBlockSize);
  PlacedFile placed;
  placed.pieces.reserve(file.segments.size());
  for (const ByteRange& segment : file.segments) {
    RETURN_IF_ERROR(Annotate(Cover(segment, unit, file_end, device_size_, placed.extents), file.path));
    const DataExtent& extent = placed.extents.back();
    placed.pieces.push_back({.device_offset = extent.device_offset + (segment.offset - extent.file_offset),
                             .tar_offset = tar_offset,
                             .length = segment.length});
    tar_offset += segment.length;
  }
  return placed;
}

size_t PieceBehind(const std::vector<DevicePiece>& pieces, uint64_t device_offset) {
  const auto piece = std::partition_point(
      pieces.begin(), pieces.end(), [=](const DevicePiece& p) { return p.device_end() <= device_offset; });
  return static_cast<size_t>(piece - pieces.begin());
}

}  // namespace lacuna
