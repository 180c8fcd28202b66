#include "erofs-tools/tar/tar_input.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "daemon/base/status.h"

namespace lacuna {

absl::string_view TarInput::TakeStructure(uint64_t most) {
  const absl::string_view taken(input_.data(), std::min<uint64_t>(most, input_.size()));
  input_.remove_prefix(taken.size());
  position_ += taken.size();
  structure_ += taken.size();
  return taken;
}

absl::string_view TarInput::TakeBlock() {
  const absl::string_view bytes = TakeStructure(kTarBlock - in_block_);
  if (bytes.size() == kTarBlock) return bytes;
  std::memcpy(block_.data() + in_block_, bytes.data(), bytes.size());
  in_block_ += bytes.size();
  if (in_block_ < kTarBlock) return {};
  in_block_ = 0;
  return {block_.data(), block_.size()};
}

absl::Status TarInput::PassStructure() {
  if (structure_ == 0) return absl::OkStatus();
  const size_t bytes = std::exchange(structure_, 0);
  return sink_.OnStructure({input_.data() - bytes, bytes});
}

absl::StatusOr<uint64_t> TarInput::PassBody(uint64_t most) {
  RETURN_IF_ERROR(PassStructure());
  const absl::Span<const char> body = input_.first(std::min<uint64_t>(most, input_.size()));
  input_.remove_prefix(body.size());
  position_ += body.size();
  RETURN_IF_ERROR(sink_.OnBody(body));
  return body.size();
}

}  // namespace lacuna
