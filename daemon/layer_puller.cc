#include "daemon/layer_puller.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/layer_indexer.h"
#include "erofs-tools/layer/layer_root.h"
#include "registry/blob_stream.h"

namespace lacuna {
namespace {

absl::Status CheckWhole(const TarLayer& layer, const LayerIndex& index) {
  if (index.layer_digest != layer.blob.digest || index.layer_size != layer.blob.size) {
    return IntegrityError(absl::StrCat("the registry's bytes are ", index.layer_digest.ToString(), ", ",
                                       index.layer_size, " bytes, not what the manifest names"));
  }
  if (index.diff_id == layer.diff_id) return absl::OkStatus();
  return IntegrityError(absl::StrCat("its tar is ", index.diff_id.ToString(), ", the image's config says ",
                                     layer.diff_id.ToString()));
}

// Writes chunks where they belong; what lies between them stays a hole.
absl::Status WriteChunk(PendingFile& device, uint64_t& position, uint64_t chunk,
                        absl::Span<const char> bytes) {
  const uint64_t offset = chunk * kChunkSize;
  if (offset > position) RETURN_IF_ERROR(device.Skip(offset - position));
  RETURN_IF_ERROR(device.Write(bytes));
  position = offset + bytes.size();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<StoredIndex> LayerPuller::Pull(const Repository& repository, const TarLayer& layer) const {
  const std::string context = repository.Describe("layer", layer.blob.digest.ToString());
  ASSIGN_OR_RETURN(PendingFile device, store_.NewObject());
  const absl::StatusOr<LayerIndex> index = Stream(repository, layer, device);
  if (!index.ok()) return Annotate(index.status(), context);
  if (absl::Status whole = CheckWhole(layer, *index); !whole.ok()) return Annotate(whole, context);
  if (index->chunks.device_size() > 0) {
    ASSIGN_OR_RETURN(const Digest root, LayerRoot(*index));
    RETURN_IF_ERROR(store_.Keep(device, ObjectKey::ForLayer(index->diff_id, root)));
  }
  LogInfo(context, ": here, ", index->layer_size, " bytes fetched, digests checked");
  return indexes_.Keep(SerializeLayerIndex(*index));
}

absl::StatusOr<LayerIndex> LayerPuller::Stream(const Repository& repository, const TarLayer& layer,
                                               PendingFile& device) const {
  uint64_t position = 0;
  LayerIndexer indexer(layer.codec, [&](uint64_t chunk, absl::Span<const char> bytes) {
    return WriteChunk(device, position, chunk, bytes);
  });
  // Readers of what is mounted already go before.
  BlobStream stream({repository, layer.blob.digest, layer.blob.size}, fetcher_,
                    {.priority = Priority::kPrefetch});
  while (true) {
    ASSIGN_OR_RETURN(const absl::Span<const char> bytes, stream.Next());
    if (bytes.empty()) break;
    RETURN_IF_ERROR(indexer.Write(bytes));
  }
  ASSIGN_OR_RETURN(IndexedLayer indexed, indexer.Finish());
  const uint64_t size = indexed.index.chunks.device_size();
  if (size > position) RETURN_IF_ERROR(device.Skip(size - position));
  return std::move(indexed.index);
}

}  // namespace lacuna
