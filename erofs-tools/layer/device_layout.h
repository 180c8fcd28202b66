// Device layout 1: where the bodies of a layer's files are on its device. Frozen: caches and indexes
// everywhere depend on it.
//
// Each regular file of the tar, in its order, takes the whole blocks that hold a stored byte; what is not
// stored in them is zero. The unit of a sparse file is larger where it would have more than 32,768 of them,
// so that a map of the file stays small: the smallest power of two of bytes (at least a block) with which it
// has not; each unit that holds a stored byte is there whole, but that the file's last ends with the block
// that holds its end. The bodies of entries that a later entry replaces are there too: a stream cannot know,
// and the tar is made again from the device.
//
// Used by one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/tar/tar_entry.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

inline constexpr uint64_t kMaxDeviceSize = uint64_t{1} << 40;
// What a layer's files may be stored in: more is an attack on memory, for which a sparse map of digits pays
// little.
inline constexpr uint64_t kMaxDevicePieces = 4 * 1024 * 1024;

// The smallest power of two, at least `least`, of which a file of `size` bytes has at most 32,768.
uint64_t FileUnit(uint64_t size, uint64_t least);

// Bytes of the tar, and where they are on the device. What no piece covers is zero.
struct DevicePiece {
  uint64_t device_offset = 0;
  uint64_t tar_offset = 0;
  uint64_t length = 0;

  uint64_t device_end() const { return device_offset + length; }
  uint64_t tar_end() const { return tar_offset + length; }
  friend bool operator==(const DevicePiece&, const DevicePiece&) = default;
};

struct PlacedFile {
  std::vector<DataExtent> extents;  // what the tree is to have, as device 0
  std::vector<DevicePiece> pieces;  // one a segment, in order
};

class DeviceLayout {
 public:
  // The next regular file, whose body begins at `tar_offset`. ResourceExhausted when the device would become
  // larger than kMaxDeviceSize or have more than kMaxDevicePieces.
  absl::StatusOr<PlacedFile> Place(const TarEntry& file, uint64_t tar_offset);
  // Of all that was placed.
  uint64_t device_size() const { return device_size_; }

 private:
  uint64_t device_size_ = 0;
  uint64_t pieces_ = 0;
};

// The number of the first of `pieces`, by device_offset, that ends behind `device_offset`.
size_t PieceBehind(const std::vector<DevicePiece>& pieces, uint64_t device_offset);

}  // namespace lacuna
