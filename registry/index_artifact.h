// The artifact beside an image that makes it lazily readable: a manifest about the image's manifest, with a
// blob for each of its layers (DESIGN.md section 7). What is in the blobs is erofs-tools/layer's.
// Source: OCI image-spec 1.1, manifest.md, "Guidelines for Artifact Usage".
//
// It is found among the image's referrers, or *bound*: listed in the image index that lists the image too, so
// that one digest names both.
//
// Callers: lacunad when it mounts, lacuna-image. Find waits for the network; the rest is pure. Thread-safe.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "registry/manifest.h"
#include "registry/raw_manifest.h"
#include "registry/remote_blob.h"

namespace lacuna {

inline constexpr char kIndexArtifactType[] = "application/vnd.lacuna.index.v1";
// A layer's index, and the annotation that says of which layer.
inline constexpr char kIndexLayerType[] = "application/vnd.lacuna.index.layer.v1+zstd";
inline constexpr char kIndexedLayer[] = "vnd.lacuna.layer.digest";
// The annotation of a bound artifact's entry that says of which manifest it is.
inline constexpr char kBoundTo[] = "vnd.lacuna.subject";

inline constexpr char kEmptyConfigType[] = "application/vnd.oci.empty.v1+json";
inline constexpr char kEmptyConfig[] = "{}";

struct IndexArtifact {
  Digest digest;  // of its manifest
  Digest subject;
  std::map<Digest, Descriptor> indexes;  // by the layer's digest
};

// One for the image `subject`; `indexes` are its blobs, annotated, in the order of the layers.
Manifest MakeIndexArtifact(const Descriptor& subject, std::vector<Descriptor> indexes);
// The entry of `index` for the layer whose blob is `layer`.
Descriptor IndexBlob(const Digest& layer, absl::string_view index);

// InvalidArgument says what is wrong with it.
absl::StatusOr<IndexArtifact> ParseIndexArtifact(const ReadManifest& manifest);

using ManifestReader = absl::FunctionRef<absl::StatusOr<ReadManifest>(const Descriptor&)>;

// The last of `candidates` that is there and is an artifact about `subject`; none when there is none. Errors
// are those of `read` that say nothing about the artifact: Unavailable, Unauthenticated, DeadlineExceeded.
absl::StatusOr<std::optional<IndexArtifact>> ChooseIndexArtifact(const std::vector<Descriptor>& candidates,
                                                                 const Digest& subject, ManifestReader read);
// The same within a repository; `candidates` may be ResolvedImage::bound_artifacts.
absl::StatusOr<std::optional<IndexArtifact>> ChooseIndexArtifact(const std::vector<Descriptor>& candidates,
                                                                 const Digest& subject,
                                                                 const Repository& repository);
// Among the referrers of `subject`.
absl::StatusOr<std::optional<IndexArtifact>> FindIndexArtifact(const Repository& repository,
                                                               const Digest& subject);

// How an artifact is listed beside the manifest that it is about.
Descriptor BoundEntry(Descriptor artifact, const Digest& subject);
// What is bound to `manifest` in one of `indexes`, through which it was found.
std::vector<Descriptor> BoundArtifacts(const std::vector<ImageIndex>& indexes, const Digest& manifest);

}  // namespace lacuna
