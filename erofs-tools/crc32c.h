// CRC-32C (Castagnoli), as the kernel's crc32c(): RFC 3720 section 12.1's polynomial, without the final
// inversion.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>

#include "absl/types/span.h"

namespace lacuna {

// The checksum of `bytes` after `crc`; begin with ~0. The usual CRC-32C of RFC 3720 is the complement of the
// result.
uint32_t Crc32c(uint32_t crc, absl::Span<const char> bytes);

}  // namespace lacuna
