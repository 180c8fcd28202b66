#include "registry/image_copy.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/select_image.h"

namespace lacuna {
namespace {

constexpr size_t kMaxManifests = 1000;

class Copier {
 public:
  Copier(ImageSource& source, ImageTarget& target, CopyWatcher& watcher)
      : source_(source), target_(target), watcher_(watcher) {}

  absl::StatusOr<CopyResult> Run(const std::optional<Platform>& platform) {
    ASSIGN_OR_RETURN(ReadManifest root, source_.ReadRoot());
    if (platform.has_value()) {
      ASSIGN_OR_RETURN(SelectedImage selected, SelectImage(source_, std::move(root), *platform));
      root = std::move(selected.manifest);
    }
    RETURN_IF_ERROR(Gather(root, 0));
    CopyResult result{.digest = root.raw.digest()};
    for (const Descriptor& blob : blobs_) {
      ASSIGN_OR_RETURN(CopiedBlob copied, CopyBlob(blob));
      watcher_.OnBlob(copied);
      result.blobs.push_back(std::move(copied));
    }
    for (const RawManifest& manifest : manifests_) RETURN_IF_ERROR(target_.PutManifest(manifest));
    RETURN_IF_ERROR(target_.PutRoot(root));
    return result;
  }

 private:
  // All that `manifest` needs, what is needed first before what needs it.
  absl::Status Gather(const ReadManifest& manifest, int depth) {
    if (const auto* image = std::get_if<Manifest>(&manifest.document)) {
      AddBlob(image->config);
      for (const Descriptor& layer : image->layers) AddBlob(layer);
      return absl::OkStatus();
    }
    if (depth == kMaxIndexDepth) return absl::InvalidArgumentError("its index is nested too deeply");
    for (const Descriptor& entry : std::get<ImageIndex>(manifest.document).manifests) {
      if (!seen_manifests_.insert(entry.digest).second) continue;
      if (seen_manifests_.size() > kMaxManifests) {
        return absl::InvalidArgumentError(
            absl::StrCat("its index has more than ", kMaxManifests, " manifests"));
      }
      ASSIGN_OR_RETURN(ReadManifest child, source_.ReadByDescriptor(entry));
      RETURN_IF_ERROR(Gather(child, depth + 1));
      manifests_.push_back(std::move(child.raw));
    }
    return absl::OkStatus();
  }

  void AddBlob(const Descriptor& blob) {
    if (seen_blobs_.insert(blob.digest).second) blobs_.push_back(blob);
  }

  absl::StatusOr<CopiedBlob> CopyBlob(const Descriptor& blob) {
    const auto progress = [this](uint64_t bytes) { watcher_.OnBytes(bytes); };
    const auto open = [&]() -> absl::StatusOr<std::shared_ptr<HttpBody>> {
      watcher_.OnBegin("reading", blob);
      absl::StatusOr<std::shared_ptr<HttpBody>> content = source_.OpenBlob(blob, target_.scratch(), progress);
      if (content.ok()) watcher_.OnBegin("writing", blob);
      return content;
    };
    ASSIGN_OR_RETURN(const BlobPush how, target_.PutBlob(blob, open, source_.repository(), progress));
    return CopiedBlob{blob, how};
  }

  ImageSource& source_;
  ImageTarget& target_;
  CopyWatcher& watcher_;
  std::set<Digest> seen_blobs_, seen_manifests_;
  std::vector<Descriptor> blobs_;
  std::vector<RawManifest> manifests_;
};

}  // namespace

absl::StatusOr<CopyResult> CopyImage(ImageSource& source, ImageTarget& target,
                                     const std::optional<Platform>& platform, CopyWatcher& watcher) {
  return Copier(source, target, watcher).Run(platform);
}

}  // namespace lacuna
