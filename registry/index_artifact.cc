#include "registry/index_artifact.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/referrers.h"

namespace lacuna {
namespace {

// Each costs a request; who has more of them than this has another problem.
constexpr size_t kMaxTried = 10;

// What may be said of one manifest, and not of another of the same registry.
bool SaysNothingOfOthers(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsInvalidArgument(status) || absl::IsUnimplemented(status) ||
         IsIntegrityError(status);
}

}  // namespace

Manifest MakeIndexArtifact(const Descriptor& subject, std::vector<Descriptor> indexes) {
  Manifest manifest{.artifact_type = kIndexArtifactType, .layers = std::move(indexes)};
  const absl::string_view config = kEmptyConfig;
  manifest.config = {.media_type = kEmptyConfigType, .digest = Digest::Of(config), .size = config.size()};
  manifest.subject =
      Descriptor{.media_type = subject.media_type, .digest = subject.digest, .size = subject.size};
  return manifest;
}

Descriptor IndexBlob(const Digest& layer, absl::string_view index) {
  return {.media_type = kIndexLayerType,
          .digest = Digest::Of(index),
          .size = index.size(),
          .annotations = {{kIndexedLayer, layer.ToString()}}};
}

absl::StatusOr<IndexArtifact> ParseIndexArtifact(const ReadManifest& manifest) {
  const auto* document = std::get_if<Manifest>(&manifest.document);
  if (document == nullptr || document->artifact_type != kIndexArtifactType) {
    return absl::InvalidArgumentError(absl::StrCat("it is no artifact of type ", kIndexArtifactType));
  }
  if (!document->subject.has_value()) return absl::InvalidArgumentError("subject: is missing");
  IndexArtifact artifact{.digest = manifest.raw.digest(), .subject = document->subject->digest};
  for (const Descriptor& blob : document->layers) {
    if (blob.media_type != kIndexLayerType) continue;  // a later version may bring more than this one knows
    const auto layer = blob.annotations.find(kIndexedLayer);
    if (layer == blob.annotations.end()) {
      return absl::InvalidArgumentError(absl::StrCat("an index without the annotation ", kIndexedLayer));
    }
    absl::StatusOr<Digest> digest = Digest::Parse(layer->second);
    if (!digest.ok()) return Annotate(digest.status(), kIndexedLayer);
    if (!artifact.indexes.emplace(*std::move(digest), blob).second) {
      return absl::InvalidArgumentError("two indexes of the same layer");
    }
  }
  return artifact;
}

absl::StatusOr<std::optional<IndexArtifact>> ChooseIndexArtifact(const std::vector<Descriptor>& candidates,
                                                                 const Digest& subject, ManifestReader read) {
  const size_t tried = std::min(candidates.size(), kMaxTried);
  for (size_t i = 0; i < tried; ++i) {
    const absl::StatusOr<ReadManifest> manifest = read(candidates[candidates.size() - 1 - i]);
    if (SaysNothingOfOthers(manifest.status())) continue;
    if (!manifest.ok()) return manifest.status();
    absl::StatusOr<IndexArtifact> artifact = ParseIndexArtifact(*manifest);
    if (artifact.ok() && artifact->subject == subject) return *std::move(artifact);
  }
  return std::nullopt;
}

absl::StatusOr<std::optional<IndexArtifact>> ChooseIndexArtifact(const std::vector<Descriptor>& candidates,
                                                                 const Digest& subject,
                                                                 const Repository& repository) {
  return ChooseIndexArtifact(candidates, subject, [&repository](const Descriptor& candidate) {
    return GetRawManifest(repository, candidate.digest.ToString());
  });
}

absl::StatusOr<std::optional<IndexArtifact>> FindIndexArtifact(const Repository& repository,
                                                               const Digest& subject) {
  ASSIGN_OR_RETURN(const std::vector<Descriptor> candidates,
                   Referrers().List(repository, subject, kIndexArtifactType));
  return ChooseIndexArtifact(candidates, subject, repository);
}

Descriptor BoundEntry(Descriptor artifact, const Digest& subject) {
  artifact.artifact_type = kIndexArtifactType;
  artifact.platform = Platform{.os = "unknown", .architecture = "unknown"};  // so that no tool runs it
  artifact.annotations[kBoundTo] = subject.ToString();
  return artifact;
}

std::vector<Descriptor> BoundArtifacts(const std::vector<ImageIndex>& indexes, const Digest& manifest) {
  std::vector<Descriptor> bound;
  for (const ImageIndex& index : indexes) {
    for (const Descriptor& entry : index.manifests) {
      const auto subject = entry.annotations.find(kBoundTo);
      if (entry.artifact_type == kIndexArtifactType && subject != entry.annotations.end() &&
          subject->second == manifest.ToString()) {
        bound.push_back(entry);
      }
    }
  }
  return bound;
}

}  // namespace lacuna
