// Integers as EROFS keeps them on disk: little-endian, at any alignment, on any host.
//
// Pure; safe from any thread. The caller has checked that the bytes are there.
#pragma once

#include <cstddef>

#include "absl/types/span.h"

namespace lacuna {

template <typename Unsigned>
Unsigned LoadLittleEndian(absl::Span<const char> bytes, size_t offset) {
  Unsigned value = 0;
  for (size_t i = 0; i < sizeof(Unsigned); ++i) {
    value |= static_cast<Unsigned>(static_cast<Unsigned>(static_cast<unsigned char>(bytes[offset + i]))
                                   << (8 * i));
  }
  return value;
}

template <typename Unsigned>
void StoreLittleEndian(Unsigned value, absl::Span<char> bytes, size_t offset) {
  for (size_t i = 0; i < sizeof(Unsigned); ++i) bytes[offset + i] = static_cast<char>(value >> (8 * i));
}

}  // namespace lacuna
