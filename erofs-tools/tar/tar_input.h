// The bytes a TarReader was given: how far it is with them, and which of them its sink has seen.
//
// Caller: TarReader. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "erofs-tools/tar/tar_header.h"
#include "erofs-tools/tar/tar_reader.h"

namespace lacuna {

class TarInput {
 public:
  // `sink` outlives this.
  explicit TarInput(TarSink& sink) : sink_(sink) {}

  // `bytes` are looked at where they are. PassStructure() is called before they go.
  void Give(absl::Span<const char> bytes) { input_ = bytes; }
  bool empty() const { return input_.empty(); }
  uint64_t position() const { return position_; }

  // The next bytes as structure: `most`, or as many as there are.
  absl::string_view TakeStructure(uint64_t most);
  // The next block as structure; nothing when the input ends within it, and it is finished with what comes
  // next. Good until the next call.
  absl::string_view TakeBlock();
  bool within_block() const { return in_block_ > 0; }

  // Tells the sink of all structure taken.
  absl::Status PassStructure();
  // Tells it of the next bytes as body: `most`, or as many as there are. How many it was.
  absl::StatusOr<uint64_t> PassBody(uint64_t most);
  // Counts a body that is cut out.
  void SkipBody(uint64_t bytes) { position_ += bytes; }

 private:
  TarSink& sink_;
  uint64_t position_ = 0;
  absl::Span<const char> input_;
  size_t structure_ = 0;  // bytes right before input_ that the sink has to be told of: many parts, one call
  std::array<char, kTarBlock> block_;
  size_t in_block_ = 0;  // bytes of block_
};

}  // namespace lacuna
