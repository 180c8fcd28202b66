#include "erofs-tools/layer/chunk_digests.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

ChunkDigests::Sum SumOf(absl::Span<const char> bytes) {
  Sha256 hasher;
  hasher.Update(bytes);
  const std::string raw = absl::HexStringToBytes(hasher.Finish().hex());
  ChunkDigests::Sum sum;
  std::memcpy(sum.data(), raw.data(), sum.size());
  return sum;
}

void UpdateInteger(Sha256& hasher, uint64_t value) {
  std::array<char, 8> bytes{};
  StoreLittleEndian<uint64_t>(value, absl::MakeSpan(bytes), 0);
  hasher.Update(bytes);
}

absl::Status CheckZeros(const std::vector<ChunkRange>& zeros, uint64_t chunks) {
  uint64_t end = 0;
  for (size_t i = 0; i < zeros.size(); ++i) {
    // Apart from each other: two ways to say the same would make two roots of one device.
    const bool joins = i > 0 && zeros[i].first <= end;
    if (joins || zeros[i].first >= zeros[i].last || zeros[i].last > chunks) {
      return absl::InvalidArgumentError(absl::StrCat("range ", i, " of zero chunks, ", zeros[i].first, " to ",
                                                     zeros[i].last, " of ", chunks,
                                                     ", is empty, too far or not behind the one before"));
    }
    end = zeros[i].last;
  }
  return absl::OkStatus();
}

}  // namespace

bool AllZero(absl::Span<const char> bytes) {
  return bytes.empty() ||
         (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

void ChunkDigests::Append(absl::Span<const char> bytes) {
  if (AllZero(bytes)) {
    AppendZeros(bytes.size());
    return;
  }
  sums_.push_back(SumOf(bytes));
  device_size_ += bytes.size();
}

void ChunkDigests::AppendZeros(uint64_t bytes) {
  if (bytes == 0) return;
  const uint64_t first = ChunkCount(device_size_);
  device_size_ += bytes;
  if (zeros_.empty() || zeros_.back().last < first) {
    zeros_before_.push_back(first - sums_.size());
    zeros_.push_back({first, first});
  }
  zeros_.back().last = ChunkCount(device_size_);
}

size_t ChunkDigests::RangesUpTo(uint64_t chunk) const {
  const auto after = std::upper_bound(zeros_.begin(), zeros_.end(), chunk,
                                      [](uint64_t c, const ChunkRange& range) { return c < range.first; });
  return static_cast<size_t>(after - zeros_.begin());
}

bool ChunkDigests::IsZero(uint64_t chunk) const {
  const size_t ranges = RangesUpTo(chunk);
  return ranges > 0 && chunk < zeros_[ranges - 1].last;
}

bool ChunkDigests::Matches(uint64_t chunk, absl::Span<const char> bytes) const {
  if (chunk >= ChunkCount(device_size_)) return false;
  if (bytes.size() != BytesOf({chunk, chunk + 1}, device_size_).length) return false;
  if (IsZero(chunk)) return AllZero(bytes);
  const size_t ranges = RangesUpTo(chunk);
  const uint64_t zeros_before = ranges == 0 ? 0 : zeros_before_[ranges - 1] + zeros_[ranges - 1].size();
  return SumOf(bytes) == sums_[chunk - zeros_before];
}

Digest ChunkDigests::Root() const {
  Sha256 hasher;
  UpdateInteger(hasher, device_size_);
  UpdateInteger(hasher, zeros_.size());
  for (const ChunkRange& range : zeros_) {
    UpdateInteger(hasher, range.first);
    UpdateInteger(hasher, range.last);
  }
  const std::string sums = Sums();
  hasher.Update(sums);
  return hasher.Finish();
}

std::string ChunkDigests::Sums() const {
  std::string sums;
  sums.reserve(sums_.size() * sizeof(Sum));
  for (const Sum& sum : sums_) sums.append(sum.begin(), sum.end());
  return sums;
}

absl::StatusOr<ChunkDigests> ChunkDigests::From(uint64_t device_size, std::vector<ChunkRange> zeros,
                                                absl::string_view sums) {
  if (device_size % kBlockSize != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("a device of ", device_size, " bytes, which is not whole blocks"));
  }
  const uint64_t chunks = ChunkCount(device_size);
  RETURN_IF_ERROR(CheckZeros(zeros, chunks));
  ChunkDigests digests;
  digests.device_size_ = device_size;
  uint64_t zero_chunks = 0;
  for (const ChunkRange& range : zeros) {
    digests.zeros_before_.push_back(zero_chunks);
    zero_chunks += range.size();
  }
  if (sums.size() / sizeof(Sum) != chunks - zero_chunks || sums.size() % sizeof(Sum) != 0) {
    return absl::InvalidArgumentError(absl::StrCat(sums.size(), " bytes of digests for ",
                                                   chunks - zero_chunks, " chunks that are not zero"));
  }
  digests.zeros_ = std::move(zeros);
  digests.sums_.resize(chunks - zero_chunks);
  if (!sums.empty()) std::memcpy(digests.sums_.data(), sums.data(), sums.size());
  return digests;
}

}  // namespace lacuna
