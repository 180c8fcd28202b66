// Memory for direct I/O: begins and ends at a block's border (KERNEL.md section 1.8).
//
// Callers: what writes through an object's descriptor. As thread-safe as an array.
#pragma once

#include <cstdlib>
#include <memory>
#include <new>

#include "absl/types/span.h"
#include "daemon/base/byte_range.h"

namespace lacuna {

class AlignedBuffer {
 public:
  // At least `size` bytes, rounded up to whole blocks; not initialized.
  explicit AlignedBuffer(size_t size)
      : size_(RoundUp(size, kBlockSize)), bytes_(static_cast<char*>(std::aligned_alloc(kBlockSize, size_))) {
    if (bytes_ == nullptr) throw std::bad_alloc();
  }

  absl::Span<char> span() const { return {bytes_.get(), size_}; }

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  const size_t size_;
  const std::unique_ptr<char, Free> bytes_;
};

}  // namespace lacuna
