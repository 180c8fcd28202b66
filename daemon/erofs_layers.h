// Which of a manifest's layers are the EROFS image: its bootstrap and its devices.
//
// Pure; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "registry/manifest.h"

namespace lacuna {

// A whole EROFS, or the metadata of one (FIELD.md F1: containerd's media type).
inline constexpr char kErofsLayerType[] = "application/vnd.erofs.layer.v1";
// The byte space that a bootstrap's device table points into: one external blob.
inline constexpr char kErofsDeviceType[] = "application/vnd.lacuna.erofs.device.v1";

struct ErofsLayers {
  Descriptor bootstrap;
  std::vector<Descriptor> devices;  // in the order of the bootstrap's device table
};

// InvalidArgument, naming what was found, when the manifest does not hold exactly one bootstrap followed by
// devices.
absl::StatusOr<ErofsLayers> FindErofsLayers(const Manifest& manifest);

}  // namespace lacuna
