#include "daemon/erofs_layers.h"

#include <string>

#include "absl/strings/str_cat.h"

namespace lacuna {

absl::StatusOr<ErofsLayers> FindErofsLayers(const Manifest& manifest) {
  ErofsLayers found;
  bool has_bootstrap = false;
  for (const Descriptor& layer : manifest.layers) {
    if (layer.media_type == kErofsLayerType && !has_bootstrap) {
      found.bootstrap = layer;
      has_bootstrap = true;
    } else if (layer.media_type == kErofsDeviceType && has_bootstrap) {
      found.devices.push_back(layer);
    } else {
      return absl::InvalidArgumentError(
          absl::StrCat("layer ", layer.digest.ToString(), " is a ", layer.media_type,
                       ", and this version mounts layers of tar (plain, gzip, zstd), or ", kErofsLayerType,
                       " with its ", kErofsDeviceType, " layers"));
    }
  }
  if (!has_bootstrap) return absl::InvalidArgumentError("the image has no layers");
  return found;
}

}  // namespace lacuna
