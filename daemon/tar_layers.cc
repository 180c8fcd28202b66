#include "daemon/tar_layers.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "erofs-tools/media_types.h"

namespace lacuna {

bool HasTarLayers(const Manifest& manifest) {
  return !manifest.layers.empty() && LayerCodecOf(manifest.layers.front().media_type).has_value();
}

absl::StatusOr<std::vector<TarLayer>> FindTarLayers(const Manifest& manifest,
                                                    const std::vector<Digest>& diff_ids) {
  if (manifest.layers.size() != diff_ids.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the manifest has ", manifest.layers.size(),
                                                   " layers and the image's config ", diff_ids.size()));
  }
  std::vector<TarLayer> layers;
  for (size_t i = 0; i < diff_ids.size(); ++i) {
    const Descriptor& blob = manifest.layers[i];
    const std::optional<LayerCodec> codec = LayerCodecOf(blob.media_type);
    if (!codec.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("layer ", blob.digest.ToString(), " is a ",
                                                     blob.media_type,
                                                     ", which is no tar that is known here"));
    }
    layers.push_back({blob, *codec, diff_ids[i]});
  }
  return layers;
}

std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids) {
  std::vector<Digest> chain_ids;
  chain_ids.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids) {
    chain_ids.push_back(chain_ids.empty()
                            ? diff_id
                            : Digest::Of(absl::StrCat(chain_ids.back().ToString(), " ", diff_id.ToString())));
  }
  return chain_ids;
}

}  // namespace lacuna
