// The layers of an image whose layers are tars, as its manifest and its config have them.
//
// Callers: the verbs, on the main thread. Waits for the network or the disk.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "erofs-tools/layer/layer_index.h"
#include "registry/image_store.h"
#include "registry/platform.h"

namespace lacuna {

// A blob, of which an image may have several layers.
struct LayerBlob {
  Descriptor descriptor;
  Digest diff_id;
  LayerCodec codec = LayerCodec::kPlain;
  size_t number = 0;  // of the first layer that is this, from 1

  // "layer 2 (sha256:…)".
  std::string Name() const;
};

struct ImageLayers {
  ReadManifest root;    // what the image's name means: the manifest, or an index
  Descriptor manifest;  // with its platform
  std::vector<Descriptor> bound_artifacts;
  std::vector<LayerBlob> blobs;  // each once, in the order of the layers
  std::vector<size_t> layers;    // which of `blobs` each is; begins with the lowest
};

// InvalidArgument for an image whose layers are something else, or whose config does not fit its manifest.
absl::StatusOr<ImageLayers> ReadImageLayers(ImageSource& source, const Platform& platform);

}  // namespace lacuna
