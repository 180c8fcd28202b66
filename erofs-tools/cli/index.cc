#include "erofs-tools/cli/index.h"

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/image_layers.h"
#include "erofs-tools/cli/image_place.h"
#include "erofs-tools/cli/layer_pass.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/cli/registry_target.h"
#include "registry/index_artifact.h"
#include "registry/index_edit.h"

namespace lacuna {
namespace {

// The index of one blob, as it is stored.
struct LayerFile {
  LayerSummary summary;
  std::string bytes;
};

absl::StatusOr<std::vector<LayerFile>> MakeIndexes(ImageSource& source, const ImageLayers& image,
                                                   bool show_progress) {
  std::vector<LayerFile> files(image.blobs.size());  // each is one thread's
  const auto begin = std::chrono::steady_clock::now();
  const auto on_layer = [&](size_t number, const IndexedLayer& layer) {
    const LayerIndex& index = layer.index;
    LayerFile& file = files[number];
    file.bytes = SerializeLayerIndex(index);
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - begin;
    file.summary = {.layer = image.blobs[number].descriptor,
                    .diff_id = index.diff_id,
                    .tar_size = index.tar_size,
                    .device_size = index.chunks.device_size(),
                    .index = IndexBlob(index.layer_digest, file.bytes),
                    .seconds = passed.count()};
    return absl::OkStatus();
  };
  RETURN_IF_ERROR(IndexLayers(source, image, show_progress, on_layer));
  return files;
}

absl::Status PutBytes(ImageTarget& target, const Descriptor& descriptor, const std::string& bytes,
                      const std::string& label, bool quiet) {
  const auto open = [&]() -> absl::StatusOr<std::shared_ptr<HttpBody>> {
    return std::make_shared<MemoryBody>(bytes);
  };
  ASSIGN_OR_RETURN(const BlobPush how, target.PutBlob(descriptor, open, std::nullopt, nullptr));
  if (!quiet) PrintBlob(how, descriptor.size, label);
  return absl::OkStatus();
}

// What is there already is not sent again: the same layers have the same index, byte for byte.
absl::Status PutArtifact(ImageTarget& target, const ReadManifest& artifact,
                         const std::vector<LayerFile>& files, bool quiet) {
  for (const LayerFile& file : files) {
    RETURN_IF_ERROR(PutBytes(target, file.summary.index, file.bytes,
                             absl::StrCat("index of ", file.summary.layer.digest.ToString().substr(0, 19)),
                             quiet));
  }
  const Descriptor& config = std::get<Manifest>(artifact.document).config;
  RETURN_IF_ERROR(PutBytes(target, config, kEmptyConfig, "config", quiet));
  return target.PutReferrer(artifact);
}

// An image index with all that the image's name means now, and the artifact.
absl::StatusOr<ReadManifest> Bind(const ImageLayers& image, const ReadManifest& artifact) {
  std::string index = image.root.raw.bytes;
  if (std::holds_alternative<Manifest>(image.root.document)) {
    ASSIGN_OR_RETURN(index, WithEntries(EmptyIndex(), {DescriptorJson(image.manifest)}));
  }
  const Descriptor descriptor{.media_type = artifact.raw.media_type,
                              .digest = artifact.raw.digest(),
                              .size = artifact.raw.bytes.size()};
  ASSIGN_OR_RETURN(std::string bound,
                   WithBoundArtifact(index, BoundEntry(descriptor, image.manifest.digest)));
  return ParseRawManifest(std::move(bound), kOciIndexType);
}

}  // namespace

absl::Status Index(const ImageArguments& arguments, Registries& registries) {
  ASSIGN_OR_RETURN(const Platform platform, WantedPlatform(arguments));
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageSource> source,
                   OpenImageSource(arguments.object, arguments, registries));
  ASSIGN_OR_RETURN(const ImageLayers image, ReadImageLayers(*source, platform));
  ASSIGN_OR_RETURN(const std::vector<LayerFile> files, MakeIndexes(*source, image, !arguments.quiet));
  std::vector<Descriptor> indexes;
  indexes.reserve(files.size());
  for (const LayerFile& file : files) indexes.push_back(file.summary.index);
  const std::string json = ManifestJson(MakeIndexArtifact(image.manifest, std::move(indexes)));
  ASSIGN_OR_RETURN(const ReadManifest artifact, ParseRawManifest(json, kOciManifestType));
  IndexResult result{.reference = arguments.object,
                     .manifest_digest = image.manifest.digest,
                     .artifact_digest = artifact.raw.digest(),
                     .stored = arguments.push || !arguments.bind.empty() || IsLayoutName(arguments.object)};
  for (const LayerFile& file : files) result.layers.push_back(file.summary);
  if (result.stored) {
    ASSIGN_OR_RETURN(const NamedTarget target,
                     OpenBeside(arguments.object, arguments.bind, arguments, registries));
    RETURN_IF_ERROR(PutArtifact(*target.store, artifact, files, arguments.quiet));
    if (!arguments.bind.empty()) {
      ASSIGN_OR_RETURN(const ReadManifest bound, Bind(image, artifact));
      RETURN_IF_ERROR(target.store->PutRoot(bound));
      result.bound = target.name;
      result.bound_digest = bound.raw.digest();
    }
  }
  return Print(arguments.json ? ToJson(result) : ToText(result));
}

}  // namespace lacuna
