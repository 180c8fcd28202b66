#include "erofs-tools/cli/check_image.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/image_layers.h"
#include "erofs-tools/cli/image_place.h"
#include "erofs-tools/cli/index_difference.h"
#include "erofs-tools/cli/layer_pass.h"
#include "erofs-tools/cli/merged_bootstrap.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/cli/registry_target.h"
#include "erofs-tools/erofs_check.h"
#include "erofs-tools/erofs_writer.h"
#include "registry/index_artifact.h"

namespace lacuna {
namespace {

// What is bound to the image goes before what anybody may have pushed.
absl::StatusOr<IndexArtifact> FindArtifact(ImageSource& source, const ImageLayers& image) {
  const Digest& subject = image.manifest.digest;
  ASSIGN_OR_RETURN(std::vector<Descriptor> candidates, source.ListReferrers(subject, kIndexArtifactType));
  candidates.insert(candidates.end(), image.bound_artifacts.begin(), image.bound_artifacts.end());
  ASSIGN_OR_RETURN(std::optional<IndexArtifact> found,
                   ChooseIndexArtifact(candidates, subject, [&source](const Descriptor& candidate) {
                     return source.ReadByDescriptor(candidate);
                   }));
  if (found.has_value()) return *std::move(found);
  return absl::NotFoundError(
      absl::StrCat(subject.ToString(), " has no index; make one with lacuna-image index"));
}

// The stored indexes of image.blobs.
absl::StatusOr<std::vector<std::string>> ReadIndexes(ImageSource& source, const ImageLayers& image,
                                                     const IndexArtifact& artifact) {
  std::vector<std::string> indexes;
  for (const LayerBlob& blob : image.blobs) {
    const auto found = artifact.indexes.find(blob.descriptor.digest);
    if (found == artifact.indexes.end()) {
      return absl::NotFoundError(absl::StrCat(blob.Name(), ": the index ", artifact.digest.ToString(),
                                              " leaves it out; make a new one with lacuna-image index"));
    }
    absl::StatusOr<std::string> bytes = ReadSmallBlob(source, found->second, kMaxIndexBytes);
    if (!bytes.ok()) return Annotate(bytes.status(), absl::StrCat("index of ", blob.Name()));
    indexes.push_back(*std::move(bytes));
  }
  return indexes;
}

absl::Status Compare(const std::string& stored, const LayerIndex& made) {
  if (stored == SerializeLayerIndex(made)) return absl::OkStatus();
  const absl::StatusOr<LayerIndex> parsed = ParseLayerIndex(stored);
  if (!parsed.ok())
    return IntegrityError(absl::StrCat("its index cannot be read: ", parsed.status().message()));
  const std::string field = FirstDifference(*parsed, made);
  return IntegrityError(
      absl::StrCat("its index is not what the layer says: ", field.empty() ? "the encoding" : field,
                   " differs; make a new one with lacuna-image index"));
}

absl::StatusOr<ErofsSummary> CheckBootstrap(const std::string& bootstrap) {
  const auto read = [&](const ByteRange& range) -> absl::StatusOr<std::string> {
    return bootstrap.substr(range.offset, range.length);
  };
  ASSIGN_OR_RETURN(ErofsReader reader, ErofsReader::Open(bootstrap.size(), read));
  return CheckErofs(reader);
}

}  // namespace

absl::Status CheckImage(const ImageArguments& arguments, Registries& registries) {
  ASSIGN_OR_RETURN(const Platform platform, WantedPlatform(arguments));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageSource> source,
                   OpenImageSource(arguments.object, arguments, registries));
  ASSIGN_OR_RETURN(const ImageLayers image, ReadImageLayers(*source, platform));
  ASSIGN_OR_RETURN(const IndexArtifact artifact, FindArtifact(*source, image));
  ASSIGN_OR_RETURN(const std::vector<std::string> stored, ReadIndexes(*source, image, artifact));
  std::vector<FileTree> trees(image.blobs.size());  // each is one thread's
  std::vector<ErofsDevice> devices(image.blobs.size());
  const auto on_layer = [&](size_t blob, IndexedLayer layer) -> absl::Status {
    RETURN_IF_ERROR(Compare(stored[blob], layer.index));
    devices[blob] = {.tag = layer.index.diff_id.hex(), .size = layer.index.chunks.device_size()};
    trees[blob] = std::move(layer.tree);
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(IndexLayers(*source, image, !arguments.quiet, on_layer));
  ASSIGN_OR_RETURN(const std::string bootstrap, MergedBootstrap(image, trees, devices));
  const absl::StatusOr<ErofsSummary> erofs = CheckBootstrap(bootstrap);
  if (!erofs.ok()) return Annotate(erofs.status(), "the bootstrap of all layers");
  ImageCheck result{.reference = arguments.object,
                    .manifest_digest = image.manifest.digest,
                    .artifact_digest = artifact.digest,
                    .bootstrap_size = bootstrap.size(),
                    .inodes = erofs->inodes};
  for (const LayerBlob& blob : image.blobs) result.layers.push_back(blob.descriptor);
  return Print(arguments.json ? ToJson(result) : ToText(result));
}

}  // namespace lacuna
