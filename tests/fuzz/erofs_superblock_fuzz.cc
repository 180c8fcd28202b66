// The EROFS superblock and its device table, as anybody may have written them.
//
// Input: the first bytes of an image. Each is parsed as it is, and once more with its checksum made right, so
// that the fuzzer gets past it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "erofs-tools/crc32c.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

void ParseAll(const std::string& image) {
  const absl::StatusOr<Superblock> superblock = ParseSuperblock(image, image.size());
  if (!superblock.ok()) {
    Check(!superblock.status().message().empty());
    return;
  }
  Check(superblock->block_size >= 512 && superblock->block_size <= 65536);
  Check(superblock->blocks <= image.size() / superblock->block_size);
  Check(superblock->UuidText().size() == 36);
  const ByteRange range = superblock->DeviceTableRange();
  Check(range.end() <= image.size());
  const auto table = absl::MakeConstSpan(image).subspan(range.offset, range.length);
  const auto devices = ParseDeviceTable(*superblock, table);
  Check(devices.ok() && devices->size() == superblock->device_count);
}

// Right for 4 KiB blocks.
void RepairChecksum(std::string& image) {
  if (image.size() < 4096) return;
  const absl::Span<char> covered = absl::MakeSpan(image).subspan(kSuperblockOffset, 4096 - kSuperblockOffset);
  StoreLittleEndian<uint32_t>(0, covered, superblock_field::kChecksum);
  StoreLittleEndian<uint32_t>(Crc32c(~uint32_t{0}, covered), covered, superblock_field::kChecksum);
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string image(reinterpret_cast<const char*>(data), size);
  lacuna::ParseAll(image);
  lacuna::RepairChecksum(image);
  lacuna::ParseAll(image);
  return 0;
}
