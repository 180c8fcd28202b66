#include "erofs-tools/cli/push.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "daemon/base/progress_bar.h"
#include "daemon/base/standard_output.h"
#include "daemon/base/status.h"
#include "erofs-tools/cli/image_files.h"
#include "erofs-tools/cli/output.h"
#include "erofs-tools/cli/registry_target.h"
#include "erofs-tools/media_types.h"
#include "registry/image_pusher.h"

namespace lacuna {
namespace {

constexpr char kConfigType[] = "application/vnd.oci.image.config.v1+json";

// A blob ready to be pushed.
struct Blob {
  std::string label;  // for progress
  Descriptor descriptor;
  std::shared_ptr<HttpBody> body;
};

absl::StatusOr<Blob> MakeLayer(const ImageFile& file, const char* media_type, bool show_progress) {
  ProgressBar bar(absl::StrCat("reading ", file.path), show_progress);
  const uint64_t size = file.body->size();
  ASSIGN_OR_RETURN(Digest digest, DigestOf(*file.body, [&](uint64_t bytes) { bar.Update(bytes, size); }));
  return Blob{file.path, {.media_type = media_type, .digest = std::move(digest), .size = size}, file.body};
}

absl::StatusOr<std::vector<Blob>> MakeLayers(const ImageFiles& image, bool show_progress) {
  std::vector<Blob> layers;
  ASSIGN_OR_RETURN(Blob bootstrap, MakeLayer(image.bootstrap, kErofsLayerType, show_progress));
  layers.push_back(std::move(bootstrap));
  for (const ImageFile& device : image.devices) {
    ASSIGN_OR_RETURN(Blob layer, MakeLayer(device, kErofsDeviceType, show_progress));
    layers.push_back(std::move(layer));
  }
  return layers;
}

// EROFS layers are not compressed, so each layer's digest is also its diffID.
Blob MakeConfig(const Platform& platform, const std::vector<Blob>& layers) {
  std::vector<Digest> diff_ids;
  diff_ids.reserve(layers.size());
  for (const Blob& layer : layers) diff_ids.push_back(layer.descriptor.digest);
  std::string json = ConfigJson(platform, diff_ids);
  Descriptor descriptor{.media_type = kConfigType, .digest = Digest::Of(json), .size = json.size()};
  return {"config", std::move(descriptor), std::make_shared<MemoryBody>(std::move(json))};
}

absl::StatusOr<PushedBlob> PushBlob(ImagePusher& pusher, const Repository& repository, const Blob& blob,
                                    bool quiet) {
  const Descriptor& descriptor = blob.descriptor;
  absl::StatusOr<BlobPush> how;
  {
    ProgressBar bar(absl::StrCat("pushing ", blob.label), !quiet);
    how = pusher.PushBlob(
        {repository, descriptor.digest, descriptor.size}, [&] { return blob.body; }, /*mount_from=*/"",
        [&](uint64_t bytes) { bar.Update(bytes, descriptor.size); });
  }
  if (!how.ok()) return how.status();
  if (!quiet) PrintBlob(*how, descriptor.size, blob.label);
  return PushedBlob{descriptor, *how};
}

absl::StatusOr<PushResult> PushAll(ImagePusher& pusher, const RegistryTarget& target,
                                   std::vector<Blob> layers, Blob config, bool quiet) {
  PushResult result{.reference = ToString(target.reference)};
  Manifest manifest{.config = config.descriptor};
  for (const Blob& layer : layers) manifest.layers.push_back(layer.descriptor);
  layers.push_back(std::move(config));
  for (const Blob& blob : layers) {
    ASSIGN_OR_RETURN(PushedBlob pushed, PushBlob(pusher, target.repository, blob, quiet));
    result.blobs.push_back(std::move(pushed));
  }
  ASSIGN_OR_RETURN(result.manifest_digest,
                   pusher.PushManifest(target.repository, target.reference.tag,
                                       {manifest.media_type, ManifestJson(manifest)}));
  return result;
}

}  // namespace

absl::Status Push(const ImageArguments& arguments, Registries& registries) {
  ASSIGN_OR_RETURN(const RegistryTarget target, FindPushTarget(arguments.object, arguments, registries));
  ASSIGN_OR_RETURN(const Platform platform, WantedPlatform(arguments));
  ASSIGN_OR_RETURN(const ImageFiles image, OpenImageFiles(arguments.files));
  ASSIGN_OR_RETURN(std::vector<Blob> layers, MakeLayers(image, !arguments.quiet));
  Blob config = MakeConfig(platform, layers);
  ImagePusher pusher;
  ASSIGN_OR_RETURN(const PushResult result,
                   PushAll(pusher, target, std::move(layers), std::move(config), arguments.quiet));
  return Print(arguments.json ? ToJson(result) : ToText(result));
}

}  // namespace lacuna
