// FNV-1a, 32 bits: tells what was written by us from what was not. Not against malice: keeper and worker are
// one program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lacuna {

inline uint32_t ChecksumOf(const void* bytes, size_t size) {
  uint32_t hash = 2166136261u;
  for (size_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<const unsigned char*>(bytes)[i]) * 16777619u;
  }
  return hash;
}

}  // namespace lacuna
