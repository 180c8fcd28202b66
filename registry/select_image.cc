#include "registry/select_image.h"

#include <utility>

#include "daemon/base/status.h"
#include "registry/index_artifact.h"

namespace lacuna {

absl::StatusOr<SelectedImage> SelectImage(ImageSource& source, ReadManifest root, const Platform& platform) {
  std::vector<ImageIndex> path;
  while (auto* index = std::get_if<ImageIndex>(&root.document)) {
    if (path.size() == kMaxIndexDepth) {
      return absl::InvalidArgumentError("its index is nested too deeply");
    }
    path.push_back(std::move(*index));
    ASSIGN_OR_RETURN(const Descriptor chosen, SelectPlatform(path.back(), platform));
    ASSIGN_OR_RETURN(root, source.ReadByDescriptor(chosen));
  }
  std::vector<Descriptor> bound = BoundArtifacts(path, root.raw.digest());
  return SelectedImage{std::move(root), std::move(bound)};
}

}  // namespace lacuna
