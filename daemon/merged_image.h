// From an image's layers, as their indexes tell of them, to the one EROFS that shows it: a bootstrap that is
// made here, and a device for each layer that has file bodies.
//
// Kernels that read wrong bytes behind a hole get no holes (fill_holes.h): their bootstrap points into one
// more device, of zeros.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/layer_opener.h"
#include "daemon/object_record.h"

namespace lacuna {

enum class Holes {
  kAreHoles,
  kAreZeros,  // of a device
};

struct MergedImage {
  std::string bootstrap;
  std::vector<ObjectRecord> objects;  // the bootstrap, then its devices in table order
  uint64_t zeros = 0;                 // bytes of the last device, if it is the one of zeros
};

// InvalidArgument for layers that do not fit each other.
absl::StatusOr<MergedImage> MergeImage(const std::vector<IndexedTarLayer>& layers, Holes holes);

}  // namespace lacuna
