#include "erofs-tools/tar/sparse_map.h"

#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tar/tar_number.h"

namespace lacuna {
namespace {

absl::Status NoNumber() {
  return absl::InvalidArgumentError("its sparse map holds something that is not a number");
}

// The text up to the next comma, which is taken off `text`.
absl::string_view TakeToken(absl::string_view& text) {
  const size_t comma = text.find(',');
  const absl::string_view token = text.substr(0, comma);
  text.remove_prefix(comma == absl::string_view::npos ? text.size() : comma + 1);
  return token;
}

}  // namespace

absl::Status SparseMap::Add(int64_t offset, int64_t length) {
  const auto begin = static_cast<uint64_t>(offset);
  const auto bytes = static_cast<uint64_t>(length);
  if (offset < 0 || length < 0 || begin < end_ || begin > size_ || bytes > size_ - begin) {
    return absl::InvalidArgumentError(absl::StrCat("its sparse map has a segment of ", length, " bytes at ",
                                                   offset, ", after one that ends at ", end_,
                                                   ", in a file of ", size_));
  }
  if (bytes > 0 && !segments_.empty() && segments_.back().end() == begin) {
    segments_.back().length += bytes;
  } else if (bytes > 0) {
    segments_.push_back({begin, bytes});
  }
  end_ = begin + bytes;
  stored_ += bytes;
  return absl::OkStatus();
}

absl::StatusOr<bool> AddGnuSegments(absl::string_view entries, SparseMap& map) {
  constexpr size_t kNumber = 12;
  const bool more = entries.back() != '\0';
  entries.remove_suffix(1);
  // An entry that begins with a NUL ends those of this block.
  for (; !entries.empty() && entries[0] != '\0'; entries.remove_prefix(2 * kNumber)) {
    const auto offset = ParseTarNumber(entries.substr(0, kNumber));
    const auto length = ParseTarNumber(entries.substr(kNumber, kNumber));
    if (!offset.has_value() || !length.has_value()) return NoNumber();
    RETURN_IF_ERROR(map.Add(*offset, *length));
  }
  return more;
}

absl::Status AddPaxSegments(absl::string_view text, absl::string_view count, SparseMap& map) {
  const auto expected = ParseTarDecimal(count);
  int64_t segments = 0;
  while (!text.empty()) {
    const auto offset = ParseTarDecimal(TakeToken(text));
    const auto length = ParseTarDecimal(TakeToken(text));
    if (!offset.has_value() || !length.has_value()) return NoNumber();
    RETURN_IF_ERROR(map.Add(*offset, *length));
    ++segments;
  }
  if (expected == segments) return absl::OkStatus();
  return absl::InvalidArgumentError("its sparse map has not as many segments as GNU.sparse.numblocks says");
}

absl::StatusOr<bool> SparseText::Add(absl::string_view block, SparseMap& map) {
  constexpr int64_t kMost = (std::numeric_limits<int64_t>::max() - 9) / 10;
  for (const char c : block) {
    if (c == '\n' && number_.has_value()) {
      ASSIGN_OR_RETURN(const bool last, AddNumber(*number_, map));
      if (last) return true;
      number_.reset();
    } else if (c >= '0' && c <= '9' && number_.value_or(0) <= kMost) {
      number_ = number_.value_or(0) * 10 + (c - '0');
    } else {
      return NoNumber();
    }
  }
  return false;
}

absl::StatusOr<bool> SparseText::AddNumber(int64_t number, SparseMap& map) {
  if (!segments_left_.has_value()) {
    segments_left_ = number;
  } else if (!offset_.has_value()) {
    offset_ = number;
  } else {
    RETURN_IF_ERROR(map.Add(*offset_, number));
    offset_.reset();
    --*segments_left_;
  }
  return *segments_left_ == 0;
}

}  // namespace lacuna
