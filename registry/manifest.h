// What a registry says an image is made of: image manifests and image indexes, OCI's and docker's schema 2.
// Sources: OCI image-spec manifest.md, image-index.md, descriptor.md; distribution's manifest-v2-2.md.
//
// Pure functions and values; safe from any thread. Only .cc files know the JSON library.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "registry/platform.h"

namespace lacuna {

inline constexpr char kOciManifestType[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kOciIndexType[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kDockerManifestType[] = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerListType[] = "application/vnd.docker.distribution.manifest.list.v2+json";

// What distribution-spec obliges a registry to accept (pushing manifests); larger ones are refused unread.
inline constexpr uint64_t kMaxManifestBytes = 4 * 1024 * 1024;
// An index may list indexes (image-index.md); nobody needs more than this.
inline constexpr int kMaxIndexDepth = 4;

struct Descriptor {
  std::string media_type;
  Digest digest;
  uint64_t size = 0;  // bytes; at most INT64_MAX
  std::optional<Platform> platform;
  std::map<std::string, std::string> annotations;
  std::string artifact_type;

  friend bool operator==(const Descriptor&, const Descriptor&) = default;
};

struct Manifest {
  std::string media_type = kOciManifestType;
  std::string artifact_type;
  Descriptor config;
  std::vector<Descriptor> layers;
  std::map<std::string, std::string> annotations;
  std::optional<Descriptor> subject;  // what this says something about (referrers.h)

  friend bool operator==(const Manifest&, const Manifest&) = default;
};

struct ImageIndex {
  std::string media_type = kOciIndexType;
  std::vector<Descriptor> manifests;
  std::string artifact_type;
  std::map<std::string, std::string> annotations;
  std::optional<Descriptor> subject;

  friend bool operator==(const ImageIndex&, const ImageIndex&) = default;
};

// `content_type` is what the registry called `json`; it decides where the document does not name its own
// type. InvalidArgument names the field that is wrong; Unimplemented for docker's schema 1. A document that
// can be read both as a manifest and as an index is refused (CVE-2021-41190).
absl::StatusOr<std::variant<Manifest, ImageIndex>> ParseManifest(absl::string_view json,
                                                                 absl::string_view content_type);

// The image for `platform`. A manifest without platform is taken when it is the only one there. Entries with
// an artifact type are taken only where there are no others, and those of index_artifact.h never. NotFound
// lists what there is.
absl::StatusOr<Descriptor> SelectPlatform(const ImageIndex& index, const Platform& platform);

// An OCI image manifest. Fields come in a fixed order: the same manifest always has the same digest.
std::string ManifestJson(const Manifest& manifest);
std::string DescriptorJson(const Descriptor& descriptor);

}  // namespace lacuna
