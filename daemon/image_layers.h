// Layers of images in registries, as the snapshotter wants them: which image a chain ID is of, and its lowest
// layers mounted as one EROFS.
//
// Caller: Snapshotter, on threads that may wait for a registry. Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/containerd_content.h"
#include "daemon/erofs_mounts.h"
#include "daemon/image_opener.h"
#include "daemon/snapshotter/image_labels.h"
#include "daemon/snapshotter/lazy_layers.h"

namespace lacuna {

class ImageLayers : public LazyLayers {
 public:
  // All outlive this.
  struct Context {
    ImageOpener& opener;
    ErofsMounts& mounts;
    CacheDb& db;
    const ObjectStore& store;
    OnDemandDoor& door;
    ContainerdContent& content;
  };
  explicit ImageLayers(const Context& context) : context_(context) {}

  absl::StatusOr<RemoteLayers> Find(const std::string& chain_id, const SnapshotLabels& labels,
                                    const SnapshotCaller& caller) override;
  absl::Status Mount(const RemoteLayers& layers, const std::string& directory,
                     const SnapshotCaller& caller) override;
  absl::Status Unmount(const std::string& directory) override;
  SnapshotUsage UsageOf(const RemoteLayers& layers) override;

 private:
  // An image of which all layers can be served.
  struct Image {
    Reference reference;
    Digest manifest_digest;
    std::vector<std::string> chain_ids;
    std::vector<Digest> layers;  // the blobs
  };
  using SharedImage = std::shared_ptr<const Image>;
  struct Learned {
    absl::StatusOr<SharedImage> image;
    TimePoint until;  // nobody asks again before
  };

  // A pull asks for each layer of an image: all but the first find it learned. What is known and does not
  // have `chain_id` is learned again, since its tag may have moved.
  absl::StatusOr<SharedImage> Learn(const LabeledLayer& wanted, const std::string& chain_id);
  absl::StatusOr<SharedImage> LearnAnew(const LabeledLayer& wanted);
  absl::StatusOr<OpenImage> Open(const RemoteLayers& layers);
  // NotFound unless all of the image was opened before.
  absl::StatusOr<ImageRecord> RecordOf(const RemoteLayers& layers);

  const Context context_;

  Mutex mutex_;
  CondVar changed_;
  std::set<std::string> being_learned_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Learned> learned_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
