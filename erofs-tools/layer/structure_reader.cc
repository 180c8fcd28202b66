#include "erofs-tools/layer/structure_reader.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr size_t kStep = 32 * 1024;

}  // namespace

StructureReader::StructureReader(const LayerIndex& index)
    : compressed_(index.structure), left_(index.structure_size), step_(kStep) {}

absl::StatusOr<absl::Span<const char>> StructureReader::Next() {
  const absl::StatusOr<size_t> size = zstd_.Read(compressed_, absl::MakeSpan(step_));
  if (!size.ok()) return Annotate(size.status(), "index, the tar's structure");
  if (*size > left_) return absl::InvalidArgumentError("index: the tar's structure is longer than it says");
  left_ -= *size;
  if (*size == 0 && (left_ > 0 || !zstd_.at_end())) {
    return absl::InvalidArgumentError(
        absl::StrCat("index: the tar's structure ends ", left_, " bytes too early"));
  }
  return absl::MakeConstSpan(step_).first(*size);
}

}  // namespace lacuna
