#include "daemon/image_indexes.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "registry/index_artifact.h"

namespace lacuna {
namespace {

// Whether the index tells of this very layer, as its image has it.
absl::Status CheckFits(const LayerIndex& index, const TarLayer& layer) {
  if (index.layer_digest != layer.blob.digest || index.layer_size != layer.blob.size ||
      index.codec != layer.codec) {
    return IntegrityError(absl::StrCat("it is the index of layer ", index.layer_digest.ToString()));
  }
  if (index.diff_id == layer.diff_id) return absl::OkStatus();
  return IntegrityError(absl::StrCat("it is of the tar ", index.diff_id.ToString(),
                                     ", the image's config says ", layer.diff_id.ToString()));
}

absl::StatusOr<std::optional<IndexArtifact>> FindTrusted(const Repository& repository,
                                                         const Reference& reference,
                                                         const ResolvedImage& image, IndexTrust trust) {
  if (trust == IndexTrust::kNone) return std::nullopt;
  ASSIGN_OR_RETURN(std::optional<IndexArtifact> bound,
                   ChooseIndexArtifact(image.bound_artifacts, image.manifest_digest, repository));
  const bool any_will_do = trust == IndexTrust::kAll || reference.digest.empty();
  if (bound.has_value() || !any_will_do) return bound;
  return FindIndexArtifact(repository, image.manifest_digest);
}

}  // namespace

std::map<Digest, Descriptor> ImageIndexes::Find(const Repository& repository, const Reference& reference,
                                                const ResolvedImage& image, IndexTrust trust) const {
  absl::StatusOr<std::optional<IndexArtifact>> found = FindTrusted(repository, reference, image, trust);
  if (!found.ok()) {
    LogWarning(ToString(reference), ": goes without an index: ", found.status().message());
    return {};
  }
  return found->has_value() ? std::move((*found)->indexes) : std::map<Digest, Descriptor>();
}

absl::StatusOr<StoredIndex> ImageIndexes::Get(const Repository& repository, const TarLayer& layer,
                                              const Descriptor& index) const {
  absl::StatusOr<StoredIndex> got = Fetch(repository, index);
  const absl::Status fits = got.ok() ? CheckFits(*got->index, layer) : got.status();
  if (fits.ok()) return got;
  LogWarning("layer ", layer.blob.digest.ToString(), ": index ", index.digest.ToString(),
             " is not used: ", fits.message());
  return absl::NotFoundError("no index that can be used");
}

absl::StatusOr<StoredIndex> ImageIndexes::Fetch(const Repository& repository, const Descriptor& index) const {
  ASSIGN_OR_RETURN(const std::optional<bool> right, db_.JudgementOf(index.digest));
  if (right.has_value() && !*right) return IntegrityError("its layer turned out to be another one");
  absl::StatusOr<StoredIndex> stored = store_.Load(index.digest);
  if (!absl::IsNotFound(stored.status())) return stored;
  ASSIGN_OR_RETURN(const std::string bytes,
                   client_.ReadBlob({repository, index.digest, index.size}, kMaxIndexBytes));
  return store_.Keep(bytes);
}

}  // namespace lacuna
