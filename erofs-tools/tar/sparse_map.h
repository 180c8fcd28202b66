// The map of a sparse file: which pieces of it the archive stores. Four spellings: in the header and blocks
// after it (old GNU), in PAX records (0.0 and 0.1), in text at the begin of the body (1.0). Source: GNU tar
// manual, "Storing Sparse Files".
//
// Caller: SparseMapReader. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/byte_range.h"

namespace lacuna {

// Checks segments one by one. Empty ones are left out, and those that touch become one.
class SparseMap {
 public:
  SparseMap() = default;
  // Of a file of `size` bytes.
  explicit SparseMap(uint64_t size) : size_(size) {}

  // InvalidArgument for a segment that is not behind the last one and within the file.
  absl::Status Add(int64_t offset, int64_t length);

  std::vector<ByteRange>& segments() { return segments_; }
  uint64_t stored() const { return stored_; }  // bytes of all segments

 private:
  uint64_t size_ = 0;
  uint64_t end_ = 0;  // of the last segment, also of an empty one
  uint64_t stored_ = 0;
  std::vector<ByteRange> segments_;
};

// Old GNU: `entries` is some pairs of numbers, 12 bytes each, and a byte that is not 0 when a block with more
// follows, which is what this returns.
absl::StatusOr<bool> AddGnuSegments(absl::string_view entries, SparseMap& map);

// How much of a block of its own is such entries.
inline constexpr size_t kGnuSegmentsInBlock = 21 * 24 + 1;

// PAX 0.1: `text` is "offset,length,offset,length" of `count` segments, in decimal.
absl::Status AddPaxSegments(absl::string_view text, absl::string_view count, SparseMap& map);

// PAX 1.0: the number of segments, then their offsets and lengths, in decimal, each followed by a newline;
// filled up to a whole block.
class SparseText {
 public:
  // Reads the next block. Whether the map ends in it.
  absl::StatusOr<bool> Add(absl::string_view block, SparseMap& map);

 private:
  // Whether that was the last one.
  absl::StatusOr<bool> AddNumber(int64_t number, SparseMap& map);

  std::optional<int64_t> segments_left_;
  std::optional<int64_t> offset_;
  std::optional<int64_t> number_;  // the digits since the last newline
};

}  // namespace lacuna
