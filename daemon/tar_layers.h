// Which of a manifest's layers are tars, and what each is when it is unpacked: the layers of an ordinary OCI
// image.
//
// Pure; safe from any thread.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/layer/layer_index.h"
#include "registry/manifest.h"

namespace lacuna {

struct TarLayer {
  Descriptor blob;
  LayerCodec codec = LayerCodec::kPlain;
  Digest diff_id;  // of the tar, as the image's config says
};

// Whether the image is one of layers that are tars, as far as its first layer tells.
bool HasTarLayers(const Manifest& manifest);

// InvalidArgument, naming the layer, when one is no tar that is known here, or when there are not as many
// `diff_ids`.
absl::StatusOr<std::vector<TarLayer>> FindTarLayers(const Manifest& manifest,
                                                    const std::vector<Digest>& diff_ids);

// What names the content of the layers up to each, the lowest first (OCI image-spec, config.md, "Layer
// ChainID").
std::vector<Digest> ChainIds(const std::vector<Digest>& diff_ids);

}  // namespace lacuna
