// Makes a layer's tar again, from its device and its index's structure, and compares its digest with the
// diffID: what agrees is the layer that the image's config names, whoever made the index.
//
// Callers: the engine when a device is complete, in steps, so that the chunks of waiting readers get their
// turn in between; lacuna-image check. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

class LayerVerifier {
 public:
  // Fills all of `out` from `offset` of the device.
  using ReadDevice = std::function<absl::Status(uint64_t offset, absl::Span<char> out)>;

  LayerVerifier(std::shared_ptr<const LayerIndex> index, ReadDevice read_device);
  ~LayerVerifier();

  // Does about 1 MiB of work. True when that was the end and the digest is right, false when there is more.
  // IntegrityError when the tar is another than the diffID names; any other error is ReadDevice's.
  absl::StatusOr<bool> Step();

 private:
  class State;
  const std::unique_ptr<State> state_;
};

}  // namespace lacuna
