// Which image a layer that containerd wants is of, as its pullers say it in labels.
// Sources: containerd, pkg/snapshotters/annotations.go (CRI's, and ctr's since 1.7); stargz-snapshotter,
// fs/source/source.go (ctr-remote's).
//
// Pure; safe from any thread. The text is anybody's.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "daemon/snapshotter/snapshot.h"

namespace lacuna {

struct LabeledLayer {
  std::string reference;   // of the image, as it was asked for
  Digest manifest_digest;  // empty: nobody said
  Digest layer_digest;     // of the blob
};

// NotFound when no label names an image; InvalidArgument when one that does cannot be read.
absl::StatusOr<LabeledLayer> LayerInLabels(const SnapshotLabels& labels);

}  // namespace lacuna
