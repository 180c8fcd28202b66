// Edits EROFS superblocks for tests.
#pragma once

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "erofs-tools/crc32c.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {

// Sets a field of the superblock of `image` and leaves its checksum as it was.
template <typename Unsigned>
void Poke(std::string& image, size_t field, Unsigned value) {
  StoreLittleEndian<Unsigned>(value, absl::MakeSpan(image), kSuperblockOffset + field);
}

// Makes the checksum right for blocks of `block_size` bytes.
inline void FixChecksum(std::string& image, size_t block_size = 4096) {
  const size_t length = block_size > kSuperblockOffset ? block_size - kSuperblockOffset : block_size;
  Poke<uint32_t>(image, superblock_field::kChecksum, 0);
  const uint32_t crc = Crc32c(~uint32_t{0}, absl::MakeConstSpan(image).subspan(kSuperblockOffset, length));
  Poke<uint32_t>(image, superblock_field::kChecksum, crc);
}

}  // namespace lacuna
