// From an image's layers to an index of each: one that is here, else the registry's, else one made while the
// layer is brought here whole.
//
// Caller: ImageOpener, on threads that may wait. Thread-safe: two mounts that want the same layer bring it
// once.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/mutex.h"
#include "daemon/image_indexes.h"
#include "daemon/layer_puller.h"

namespace lacuna {

struct IndexedTarLayer {
  TarLayer layer;
  StoredIndex index;
};

class LayerOpener {
 public:
  // All outlive this.
  LayerOpener(const ImageIndexes& remote, const LayerPuller& puller, const IndexStore& store,
              const ObjectStore& objects, CacheDb& db)
      : remote_(remote), puller_(puller), store_(store), objects_(objects), db_(db) {}

  // In the order of `layers`. `offered` are the registry's indexes that may be used, by layer. Layers that
  // have to be brought whole are so in parallel. The first error ends it.
  absl::StatusOr<std::vector<IndexedTarLayer>> Open(const Repository& repository,
                                                    const std::vector<TarLayer>& layers,
                                                    const std::map<Digest, Descriptor>& offered);

 private:
  absl::StatusOr<StoredIndex> Open(const Repository& repository, const TarLayer& layer,
                                   const Descriptor* offered);
  // One that was made here or found right, and with which the layer can be served. NotFound when there is
  // none.
  absl::StatusOr<StoredIndex> Known(const TarLayer& layer) const;
  // A layer that can be read as a stream only is served when all of it is here.
  absl::StatusOr<bool> CanServe(const LayerIndex& index) const;

  const ImageIndexes& remote_;
  const LayerPuller& puller_;
  const IndexStore& store_;
  const ObjectStore& objects_;
  CacheDb& db_;

  Mutex mutex_;
  CondVar opened_;
  std::set<Digest> being_opened_ ABSL_GUARDED_BY(mutex_);  // layers
};

}  // namespace lacuna
