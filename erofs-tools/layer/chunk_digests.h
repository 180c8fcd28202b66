// The SHA-256 of each 64 KiB chunk of a device, and their root: what names a layer's device beside its
// diffID.
//
// Many chunks may be all zero (sparse files): those are kept as ranges, so that a device of a terabyte of
// zeros costs nothing. The last chunk is hashed as far as the device goes.
//
// Made by LayerIndexer or parsed. A value; safe to use from any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/digest.h"

namespace lacuna {

bool AllZero(absl::Span<const char> bytes);

class ChunkDigests {
 public:
  using Sum = std::array<uint8_t, 32>;

  // The next chunk, in order; only the last may be shorter, of whole blocks. May be all zero.
  void Append(absl::Span<const char> bytes);
  // Whole chunks of zeros, but that the last of a device may be cut.
  void AppendZeros(uint64_t bytes);

  uint64_t device_size() const { return device_size_; }
  bool IsZero(uint64_t chunk) const;
  // Chunks that are all zero, in ascending ranges apart from each other.
  const std::vector<ChunkRange>& zeros() const { return zeros_; }
  // Whether `bytes` are what the chunk holds.
  bool Matches(uint64_t chunk, absl::Span<const char> bytes) const;

  // SHA-256 over the device's size, the ranges of zeros and the other chunks' digests. Frozen: caches
  // everywhere name objects by it.
  Digest Root() const;

  // The digests of the chunks that are not zero, one after the other.
  std::string Sums() const;
  // What Sums() and zeros() of a device of this size were. InvalidArgument unless they fit.
  static absl::StatusOr<ChunkDigests> From(uint64_t device_size, std::vector<ChunkRange> zeros,
                                           absl::string_view sums);

 private:
  // How many of zeros_ begin at `chunk` or before.
  size_t RangesUpTo(uint64_t chunk) const;

  uint64_t device_size_ = 0;
  std::vector<ChunkRange> zeros_;
  std::vector<Sum> sums_;  // of the chunks that are not zero, in order
  std::vector<uint64_t>
      zeros_before_;  // how many chunks of zeros lie before zeros_[i], for IsZero and Matches
};

}  // namespace lacuna
