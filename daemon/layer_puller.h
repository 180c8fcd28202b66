// Brings a layer here whole, in one pass: its blob streams through an indexer straight into the device, and
// is compared with its digest and its diffID before anybody sees any of it.
//
// Caller: LayerOpener, on threads that may wait. Thread-safe.
#pragma once

#include "absl/status/statusor.h"
#include "daemon/index_store.h"
#include "daemon/object_store.h"
#include "daemon/tar_layers.h"
#include "registry/range_fetcher.h"

namespace lacuna {

class LayerPuller {
 public:
  // All outlive this.
  LayerPuller(RangeFetcher& fetcher, ObjectStore& store, const IndexStore& indexes)
      : fetcher_(fetcher), store_(store), indexes_(indexes) {}

  // Its index; its device is a finished object then. IntegrityError when the blob is not what its descriptor
  // or the image's config says; nothing of it stays.
  absl::StatusOr<StoredIndex> Pull(const Repository& repository, const TarLayer& layer) const;

 private:
  absl::StatusOr<LayerIndex> Stream(const Repository& repository, const TarLayer& layer,
                                    PendingFile& device) const;

  RangeFetcher& fetcher_;
  ObjectStore& store_;
  const IndexStore& indexes_;
};

}  // namespace lacuna
