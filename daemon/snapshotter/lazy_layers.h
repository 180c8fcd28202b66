// Layers of images that were never unpacked here, and how to see them: what the snapshotter wants of the rest
// of the daemon.
//
// Caller: Snapshotter, on threads that may wait. Implementations (ImageLayers | tests/fakes/FakeLazyLayers)
// are thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/snapshotter/remote_layers.h"
#include "daemon/snapshotter/snapshot.h"

namespace lacuna {

class LazyLayers {
 public:
  virtual ~LazyLayers() = default;

  // The layers whose chain ID (OCI image-spec, config.md, "Layer ChainID") is this, of the image that
  // `labels` name, or that is in the caller's containerd. An error says why they cannot be served lazily to
  // the caller; it is for people, and no reason to fail.
  virtual absl::StatusOr<RemoteLayers> Find(const std::string& chain_id, const SnapshotLabels& labels,
                                            const SnapshotCaller& caller) = 0;

  // Has them mounted at `directory`, which is made if it is missing, where the caller sees them. What is
  // mounted there already costs nothing.
  virtual absl::Status Mount(const RemoteLayers& layers, const std::string& directory,
                             const SnapshotCaller& caller) = 0;
  // Also while somebody reads them: who has them open goes on. The directory goes, too. Does nothing where
  // nothing is.
  virtual absl::Status Unmount(const std::string& directory) = 0;

  // What is on the disk of the highest of them.
  virtual SnapshotUsage UsageOf(const RemoteLayers& layers) = 0;
};

}  // namespace lacuna
