// From what an image's name means to the manifest that a machine gets, through image indexes.
//
// Callers: copies and the verbs of lacuna-image, on a thread that may wait. (RegistryClient does the same for
// a registry, within a deadline.)
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "registry/image_store.h"
#include "registry/platform.h"

namespace lacuna {

struct SelectedImage {
  ReadManifest manifest;                    // no index
  std::vector<Descriptor> bound_artifacts;  // to it (index_artifact.h)
};

// NotFound lists the platforms there are; InvalidArgument for an index nested too deeply.
absl::StatusOr<SelectedImage> SelectImage(ImageSource& source, ReadManifest root, const Platform& platform);

}  // namespace lacuna
