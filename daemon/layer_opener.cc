#include "daemon/layer_opener.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "daemon/base/parallel.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/layer_root.h"

namespace lacuna {
namespace {

// Layers that are brought at once: each is the work of one core, and waits for the network now and then.
int LayersAtOnce() {
  return static_cast<int>(std::max(2u, std::thread::hardware_concurrency()));
}

}  // namespace

absl::StatusOr<std::vector<IndexedTarLayer>> LayerOpener::Open(const Repository& repository,
                                                               const std::vector<TarLayer>& layers,
                                                               const std::map<Digest, Descriptor>& offered) {
  std::vector<IndexedTarLayer> opened(layers.size());
  const absl::Status status = ForEachInParallel(layers.size(), LayersAtOnce(), [&](size_t i) -> absl::Status {
    const auto index = offered.find(layers[i].blob.digest);
    opened[i].layer = layers[i];
    ASSIGN_OR_RETURN(opened[i].index,
                     Open(repository, layers[i], index != offered.end() ? &index->second : nullptr));
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return opened;
}

absl::StatusOr<StoredIndex> LayerOpener::Open(const Repository& repository, const TarLayer& layer,
                                              const Descriptor* offered) {
  const Digest& digest = layer.blob.digest;
  {
    MutexLock lock(mutex_);
    while (being_opened_.contains(digest)) opened_.Wait(mutex_);
    being_opened_.insert(digest);
  }
  const auto let_go = absl::MakeCleanup([&] {
    MutexLock lock(mutex_);
    being_opened_.erase(digest);
    opened_.NotifyAll();
  });
  absl::StatusOr<StoredIndex> index = Known(layer);
  if (!absl::IsNotFound(index.status())) return index;
  if (offered != nullptr) {
    index = remote_.Get(repository, layer, *offered);
    if (index.ok()) {
      ASSIGN_OR_RETURN(const bool can_serve, CanServe(*index->index));
      if (can_serve) return index;
    }
  }
  ASSIGN_OR_RETURN(StoredIndex made, puller_.Pull(repository, layer));
  RETURN_IF_ERROR(db_.Judge(made.digest, digest, /*right=*/true));
  return made;
}

absl::StatusOr<StoredIndex> LayerOpener::Known(const TarLayer& layer) const {
  ASSIGN_OR_RETURN(const std::optional<Digest> known, db_.RightIndexOf(layer.blob.digest));
  if (!known.has_value()) return absl::NotFoundError("no index is here");
  ASSIGN_OR_RETURN(StoredIndex index, store_.Load(*known));
  if (index.index->diff_id != layer.diff_id) {
    return IntegrityError(absl::StrCat("layer ", layer.blob.digest.ToString(), " holds the tar ",
                                       index.index->diff_id.ToString(), ", the image's config says ",
                                       layer.diff_id.ToString()));
  }
  ASSIGN_OR_RETURN(const bool can_serve, CanServe(*index.index));
  if (!can_serve) return absl::NotFoundError("its device is not here");
  return index;
}

absl::StatusOr<bool> LayerOpener::CanServe(const LayerIndex& index) const {
  if (index.codec != LayerCodec::kZstd || index.chunks.device_size() == 0) return true;
  ASSIGN_OR_RETURN(const Digest root, LayerRoot(index));
  return objects_.IsFinished(ObjectKey::ForLayer(index.diff_id, root));
}

}  // namespace lacuna
