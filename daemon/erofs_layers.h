// Which of a manifest's layers are the EROFS image: its bootstrap and its devices.
//
// Pure; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/media_types.h"
#include "registry/manifest.h"

namespace lacuna {

struct ErofsLayers {
  Descriptor bootstrap;
  std::vector<Descriptor> devices;  // in the order of the bootstrap's device table
};

// InvalidArgument, naming what was found, when the manifest does not hold exactly one bootstrap followed by
// devices.
absl::StatusOr<ErofsLayers> FindErofsLayers(const Manifest& manifest);

}  // namespace lacuna
