#include "erofs-tools/cli/image_layers.h"

#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/media_types.h"
#include "registry/image_config.h"
#include "registry/select_image.h"

namespace lacuna {
namespace {

absl::Status CheckMediaType(const Descriptor& layer) {
  if (LayerCodecOf(layer.media_type).has_value()) return absl::OkStatus();
  if (layer.media_type == kErofsLayerType || layer.media_type == kErofsDeviceType) {
    return absl::InvalidArgumentError("it is EROFS already, which is read lazily without an index");
  }
  return absl::InvalidArgumentError(
      absl::StrCat("its media type ", EscapeForTerminal(layer.media_type), " is not that of a tar"));
}

absl::Status AddLayer(const Descriptor& descriptor, const Digest& diff_id, std::map<Digest, size_t>& known,
                      ImageLayers& image) {
  LayerBlob blob{.descriptor = descriptor, .diff_id = diff_id, .number = image.layers.size() + 1};
  const auto [found, is_new] = known.emplace(descriptor.digest, image.blobs.size());
  image.layers.push_back(found->second);
  if (!is_new) {
    const LayerBlob& same = image.blobs[found->second];
    if (same.diff_id == diff_id) return absl::OkStatus();
    return Annotate(
        IntegrityError(absl::StrCat("the config calls its tar ", diff_id.ToString(), ", and as layer ",
                                    same.number, " ", same.diff_id.ToString())),
        blob.Name());
  }
  blob.codec = LayerCodecOf(descriptor.media_type).value();
  image.blobs.push_back(std::move(blob));
  return absl::OkStatus();
}

}  // namespace

std::string LayerBlob::Name() const {
  return absl::StrCat("layer ", number, " (", descriptor.digest.ToString(), ")");
}

absl::StatusOr<ImageLayers> ReadImageLayers(ImageSource& source, const Platform& platform) {
  ImageLayers image;
  ASSIGN_OR_RETURN(image.root, source.ReadRoot());
  ASSIGN_OR_RETURN(SelectedImage selected, SelectImage(source, image.root, platform));
  image.bound_artifacts = std::move(selected.bound_artifacts);
  const RawManifest& raw = selected.manifest.raw;
  const auto& manifest = std::get<Manifest>(selected.manifest.document);
  // Media types first: the config of something else may be anything.
  for (const Descriptor& layer : manifest.layers) {
    RETURN_IF_ERROR(Annotate(CheckMediaType(layer), absl::StrCat("layer ", layer.digest.ToString())));
  }
  ASSIGN_OR_RETURN(const std::string json, ReadSmallBlob(source, manifest.config, kMaxConfigBytes));
  const absl::StatusOr<ImageConfig> config = ParseImageConfig(json);
  if (!config.ok())
    return Annotate(config.status(), absl::StrCat("config ", manifest.config.digest.ToString()));
  if (config->diff_ids.size() != manifest.layers.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the config has ", config->diff_ids.size(),
                                                   " diffIDs, the manifest ", manifest.layers.size(),
                                                   " layers"));
  }
  image.manifest = {.media_type = raw.media_type,
                    .digest = raw.digest(),
                    .size = raw.bytes.size(),
                    .platform = config->platform};
  std::map<Digest, size_t> known;
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    RETURN_IF_ERROR(AddLayer(manifest.layers[i], config->diff_ids[i], known, image));
  }
  return image;
}

}  // namespace lacuna
