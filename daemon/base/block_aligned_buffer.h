// Bytes in memory that begin at a multiple of kBlockSize, as O_DIRECT wants them (open(2), NOTES).
//
// Callers: everything that writes backing files. A value like any vector.
#pragma once

#include <cstddef>
#include <new>
#include <vector>

#include "daemon/base/byte_range.h"

namespace lacuna {

template <typename T>
struct BlockAlignedAllocator {
  using value_type = T;

  BlockAlignedAllocator() = default;
  template <typename U>
  BlockAlignedAllocator(const BlockAlignedAllocator<U>&) {
  }  // NOLINT(google-explicit-constructor): as std has it

  T* allocate(size_t count) {
    return static_cast<T*>(::operator new(count * sizeof(T), std::align_val_t(kBlockSize)));
  }
  void deallocate(T* memory, size_t) { ::operator delete(memory, std::align_val_t(kBlockSize)); }

  friend bool operator==(const BlockAlignedAllocator&, const BlockAlignedAllocator&) { return true; }
};

using BlockAlignedBuffer = std::vector<char, BlockAlignedAllocator<char>>;

}  // namespace lacuna
