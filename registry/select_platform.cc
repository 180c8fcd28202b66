// SelectPlatform: which image of an index a machine gets.
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
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

}  // namespace

absl::StatusOr<Descriptor> SelectPlatform(const ImageIndex& index, const Platform& platform) {
  const Platform wanted = Normalize(platform);
  const Descriptor* best = nullptr;
  int best_suitability = 0;
  for (const Descriptor& manifest : index.manifests) {
    if (!manifest.platform.has_value()) continue;
    const int suitability = Suitability(wanted, Normalize(*manifest.platform));
    if (suitability <= best_suitability) continue;  // of equals the first, as containerd has it
    best = &manifest;
    best_suitability = suitability;
  }
  if (best != nullptr) return *best;
  if (index.manifests.size() == 1 && !index.manifests.front().platform.has_value()) {
    return index.manifests.front();
  }
  return absl::NotFoundError(
      absl::StrCat("the image is not there for ", ToString(wanted), "; its platforms: ", Offered(index)));
}

}  // namespace lacuna
