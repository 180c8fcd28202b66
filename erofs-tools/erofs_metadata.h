// Superblock and device table of an EROFS image, wherever its bytes are.
//
// Callers: the daemon before a mount, lacuna-image. As thread-safe as the reader given.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/superblock.h"

namespace lacuna {

struct ErofsMetadata {
  Superblock superblock;
  std::vector<DeviceSlot> devices;
};

// Exactly the bytes of a range that lies within the image, or an error.
using RangeReader = std::function<absl::StatusOr<std::string>(const ByteRange&)>;

// Of an image of `image_size` bytes. One read of at most 64 KiB; a second, of at most 8 MiB, for a device
// table that lies behind it.
absl::StatusOr<ErofsMetadata> ReadErofsMetadata(uint64_t image_size, const RangeReader& read);

}  // namespace lacuna
