// The image in containerd's content store that has a layer: for those who name none in labels.
//
// Caller: ImageLayers, on threads that may wait.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "daemon/containerd_content.h"
#include "daemon/snapshotter/image_labels.h"

namespace lacuna {

// By the configs that are there: the one whose chain IDs hold `chain_id`. NotFound when there is none, or
// containerd does not know where its image came from.
absl::StatusOr<LabeledLayer> FindImageOf(const std::string& chain_id, const std::string& containerd_namespace,
                                         ContainerdContent& content);

}  // namespace lacuna
