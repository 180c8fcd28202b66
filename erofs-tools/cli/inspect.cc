#include "erofs-tools/cli/inspect.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <vector>

#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/image_files.h"
#include "erofs-tools/cli/image_place.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/cli/registry_target.h"
#include "erofs-tools/cli/remote_reader.h"
#include "erofs-tools/media_types.h"
#include "registry/referrers.h"
#include "registry/registry_client.h"

namespace lacuna {
namespace {

absl::StatusOr<Inspection> InspectFile(const std::string& path) {
  ASSIGN_OR_RETURN(const ImageFile file, OpenImageFile(path));
  Inspection inspection{.file = path, .file_size = file.body->size()};
  ASSIGN_OR_RETURN(inspection.erofs, ReadErofsFile(file));
  return inspection;
}

// An image can be looked into at a registry that does not tell who refers to it.
std::optional<std::vector<Descriptor>> FindReferrers(const Repository& repository, const Digest& digest) {
  absl::StatusOr<std::vector<Descriptor>> found = Referrers().List(repository, digest);
  if (found.ok()) return *std::move(found);
  std::fprintf(stderr, "lacuna-image: what refers to the image is not shown: %s\n",
               std::string(found.status().message()).c_str());
  return std::nullopt;
}

// The one that is bound to it goes before those that anybody may have pushed.
absl::StatusOr<std::optional<IndexArtifact>> FindIndex(const Repository& repository,
                                                       const std::vector<Descriptor>& bound,
                                                       const Inspection& image) {
  std::vector<Descriptor> candidates = image.referrers.value_or(std::vector<Descriptor>());
  std::erase_if(candidates,
                [](const Descriptor& referrer) { return referrer.artifact_type != kIndexArtifactType; });
  candidates.insert(candidates.end(), bound.begin(), bound.end());
  return ChooseIndexArtifact(candidates, image.manifest_digest, repository);
}

absl::StatusOr<Inspection> InspectReference(const ImageArguments& arguments, Registries& registries) {
  ASSIGN_OR_RETURN(const RegistryTarget target,
                   FindTarget(arguments.object, arguments.source_credentials, arguments, registries));
  ASSIGN_OR_RETURN(const Platform platform, WantedPlatform(arguments));
  RegistryClient client;
  ASSIGN_OR_RETURN(ResolvedImage image, client.Resolve(target.repository, target.reference, platform));
  Inspection inspection{.reference = ToString(target.reference),
                        .manifest_digest = std::move(image.manifest_digest),
                        .manifest = std::move(image.manifest)};
  inspection.referrers = FindReferrers(target.repository, inspection.manifest_digest);
  ASSIGN_OR_RETURN(inspection.index, FindIndex(target.repository, image.bound_artifacts, inspection));
  const auto& layers = inspection.manifest.layers;
  const auto bootstrap = std::find_if(layers.begin(), layers.end(), [](const Descriptor& layer) {
    return layer.media_type == kErofsLayerType;
  });
  if (bootstrap == layers.end()) return inspection;
  const RemoteBlob blob{target.repository, bootstrap->digest, bootstrap->size};
  ASSIGN_OR_RETURN(inspection.erofs, ReadErofsMetadata(blob.size, [&](const ByteRange& range) {
                     return ReadRemoteRange(registries.counters(), blob, range);
                   }));
  return inspection;
}

}  // namespace

absl::Status Inspect(const ImageArguments& arguments, Registries& registries) {
  ASSIGN_OR_RETURN(const Inspection inspection, IsFile(arguments.object)
                                                    ? InspectFile(arguments.object)
                                                    : InspectReference(arguments, registries));
  return Print(arguments.json ? ToJson(inspection) : ToText(inspection));
}

}  // namespace lacuna
