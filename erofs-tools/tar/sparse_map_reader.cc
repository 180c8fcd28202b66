#include "erofs-tools/tar/sparse_map_reader.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// No map may take more bytes than this, which bounds its segments, too. Go's limit.
constexpr uint64_t kLongestMap = 1024 * 1024;

}  // namespace

absl::StatusOr<bool> SparseMapReader::Start(SparseFormat format, uint64_t size, uint64_t stored,
                                            const TarHeader& header, const PaxSparse* pax) {
  format_ = format;
  left_ = stored;
  blocks_ = 0;
  map_ = SparseMap(size);
  text_ = {};
  switch (format) {
    case SparseFormat::kGnu: {
      ASSIGN_OR_RETURN(const bool more, AddGnuSegments(header.gnu_segments, map_));
      return Check(!more);
    }
    case SparseFormat::kPaxRecords:
      RETURN_IF_ERROR(AddPaxSegments(pax->map, pax->blocks, map_));
      return Check(true);
    case SparseFormat::kPaxText:
      return Check(false);
    case SparseFormat::kNotSparse:
      break;
  }
  return absl::InternalError("a file that is not sparse has no map");
}

absl::StatusOr<bool> SparseMapReader::Add(absl::string_view block) {
  blocks_ += block.size();
  if (format_ == SparseFormat::kGnu) {
    ASSIGN_OR_RETURN(const bool more, AddGnuSegments(block.substr(0, kGnuSegmentsInBlock), map_));
    return Check(!more);
  }
  left_ -= block.size();
  ASSIGN_OR_RETURN(const bool complete, text_.Add(block, map_));
  return Check(complete);
}

absl::StatusOr<bool> SparseMapReader::Check(bool complete) const {
  if (complete && map_.stored() != left_) {
    return absl::InvalidArgumentError(
        absl::StrCat("its sparse map is of ", map_.stored(), " bytes, its body of ", left_));
  }
  if (!complete && blocks_ >= kLongestMap) return absl::InvalidArgumentError("its sparse map is over 1 MiB");
  if (!complete && format_ == SparseFormat::kPaxText && left_ < kTarBlock) {
    return absl::InvalidArgumentError("its body ends within its sparse map");
  }
  return complete;
}

}  // namespace lacuna
