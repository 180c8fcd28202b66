// Changes to image indexes that others also write: every entry and field that is not ours stays as it is.
// Sources: OCI image-spec image-index.md, image-layout.md ("index.json file"); distribution-spec 1.1,
// "Pushing Manifests with Subject".
//
// Callers: oci_layout.h, referrers.h, lacuna-image index. Pure functions; safe from any thread. An index is
// at most 4 MiB.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/manifest.h"

namespace lacuna {

// By which an index.json calls an entry.
inline constexpr char kRefName[] = "org.opencontainers.image.ref.name";

std::string EmptyIndex();

// `index` with `descriptor` in it as `ref_name` and no other entry of that name. Without a name it stands
// for an unnamed entry of the same digest.
absl::StatusOr<std::string> WithNamedEntry(absl::string_view index, const Descriptor& descriptor,
                                           const std::string& ref_name);

// `index` as an OCI image index that lists `artifact` (BoundEntry of index_artifact.h), and no other of its
// type that is bound to the same manifest.
absl::StatusOr<std::string> WithBoundArtifact(absl::string_view index, const Descriptor& artifact);

// The entries of `index`, each as its JSON.
absl::StatusOr<std::vector<std::string>> EntriesOf(absl::string_view index);

// `index` with those of `entries` whose digest it does not have.
absl::StatusOr<std::string> WithEntries(absl::string_view index, const std::vector<std::string>& entries);

}  // namespace lacuna
