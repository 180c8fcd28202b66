// SelectPlatform: which image of an index a machine gets.
#include <set>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "registry/index_artifact.h"
#include "registry/manifest.h"

namespace lacuna {
namespace {

// What the index offers, for the message; an index can be large and is not ours.
std::string Offered(const ImageIndex& index) {
  constexpr size_t kMaxListed = 20;
  std::set<std::string> platforms;
  for (const Descriptor& manifest : index.manifests) {
    if (platforms.size() == kMaxListed) break;
    if (!manifest.platform.has_value()) continue;
    platforms.insert(absl::CHexEscape(ToString(*manifest.platform).substr(0, 64)));
  }
  return platforms.empty() ? "none that is named" : absl::StrJoin(platforms, ", ");
}

// An entry with an artifact type says something about an image, unless there is nothing else. An index of
// ours is never an image.
std::vector<const Descriptor*> ImagesOf(const ImageIndex& index) {
  std::vector<const Descriptor*> images;
  std::vector<const Descriptor*> artifacts;
  for (const Descriptor& manifest : index.manifests) {
    if (manifest.artifact_type.empty()) {
      images.push_back(&manifest);
    } else if (manifest.artifact_type != kIndexArtifactType) {
      artifacts.push_back(&manifest);
    }
  }
  return images.empty() ? artifacts : images;
}

}  // namespace

absl::StatusOr<Descriptor> SelectPlatform(const ImageIndex& index, const Platform& platform) {
  const Platform wanted = Normalize(platform);
  const std::vector<const Descriptor*> images = ImagesOf(index);
  const Descriptor* best = nullptr;
  int best_suitability = 0;
  for (const Descriptor* image : images) {
    if (!image->platform.has_value()) continue;
    const int suitability = Suitability(wanted, Normalize(*image->platform));
    if (suitability <= best_suitability) continue;  // of equals the first, as containerd has it
    best = image;
    best_suitability = suitability;
  }
  if (best != nullptr) return *best;
  if (images.size() == 1 && !images.front()->platform.has_value()) return *images.front();
  return absl::NotFoundError(
      absl::StrCat("the image is not there for ", ToString(wanted), "; its platforms: ", Offered(index)));
}

}  // namespace lacuna
