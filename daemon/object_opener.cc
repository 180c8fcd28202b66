#include "daemon/object_opener.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/blob_source.h"
#include "daemon/layer_source.h"
#include "daemon/local_source.h"

namespace lacuna {
namespace {

// `context` is what of it is gone.
absl::Status MountAnew(absl::string_view context) {
  return absl::NotFoundError(absl::StrCat(context, " is gone from the cache; mount the image anew"));
}

}  // namespace

absl::StatusOr<std::shared_ptr<BlobCache>> ObjectOpener::Open(const ObjectRecord& record,
                                                              const Repository& repository,
                                                              Placement placement) {
  ASSIGN_OR_RETURN(std::shared_ptr<const ChunkSource> source, SourceOf(record, repository));
  return objects_.Acquire(record.Key(), std::move(source), placement);
}

absl::StatusOr<std::shared_ptr<const ChunkSource>> ObjectOpener::SourceOf(const ObjectRecord& record,
                                                                          const Repository& repository) {
  if (record.kind == ObjectRecord::Kind::kBlob) {
    return std::make_shared<const BlobSource>(RemoteBlob{repository, record.digest, record.size});
  }
  if (store_.IsFinished(record.Key())) return std::make_shared<const LocalSource>(record.object_size());
  if (record.kind == ObjectRecord::Kind::kMade) {
    return MountAnew(absl::StrCat("object ", record.Key().text()));
  }
  return LayerSourceOf(record, repository);
}

absl::StatusOr<std::shared_ptr<const ChunkSource>> ObjectOpener::LayerSourceOf(const ObjectRecord& record,
                                                                               const Repository& repository) {
  const absl::StatusOr<StoredIndex> stored = indexes_.Load(record.index);
  if (absl::IsNotFound(stored.status())) {
    return MountAnew(absl::StrCat("the index of layer ", record.digest.ToString()));
  }
  if (!stored.ok()) return stored.status();
  const absl::StatusOr<std::shared_ptr<const ChunkMapper>> mapper = ChunkMapper::Of(stored->index);
  if (absl::IsUnimplemented(mapper.status())) {
    return MountAnew(
        absl::StrCat("layer ", record.digest.ToString(), ", which can be brought as a whole only,"));
  }
  if (!mapper.ok()) return mapper.status();
  const auto judge = [&db = db_, index = record.index, layer = record.digest](bool right) {
    const absl::Status judged = db.Judge(index, layer, right);
    if (!judged.ok()) LogWarning("recording what became of index ", index.ToString(), ": ", judged.message());
  };
  return std::make_shared<const LayerSource>(RemoteBlob{repository, record.digest, record.size}, *mapper,
                                             judge);
}

}  // namespace lacuna
