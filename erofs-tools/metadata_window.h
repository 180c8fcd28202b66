// Small reads of an image's metadata, from few large reads of wherever it is.
//
// Caller: ErofsReader. One thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/erofs_metadata.h"

namespace lacuna {

class MetadataWindow {
 public:
  // `size`: bytes of the image that may be read.
  MetadataWindow(uint64_t size, RangeReader read) : size_(size), read_(std::move(read)), pages_(kPages) {}

  uint64_t size() const { return size_; }
  // IntegrityError for a range that is not all within the image. Sums may wrap around: it checks that first.
  absl::StatusOr<std::string> Read(uint64_t offset, uint64_t length);
  // The 4 bytes at `offset`, a multiple of 4, as a little-endian number. Errors as Read.
  absl::StatusOr<uint32_t> ReadWord(uint64_t offset);

 private:
  static constexpr uint64_t kPageSize = 4096;
  static constexpr size_t kPages = 64;

  struct Page {
    uint64_t number = 0;
    std::string bytes;  // empty: nothing is here yet
  };

  absl::Status CheckRange(uint64_t offset, uint64_t length) const;
  absl::StatusOr<const Page*> PageAt(uint64_t offset);

  const uint64_t size_;
  const RangeReader read_;
  std::vector<Page> pages_;  // each page of the image has one place
};

}  // namespace lacuna
