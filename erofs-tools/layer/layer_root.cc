#include "erofs-tools/layer/layer_root.h"

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/layer/structure_reader.h"

namespace lacuna {

absl::StatusOr<Digest> LayerRoot(const LayerIndex& index) {
  StructureReader structure(index);
  Sha256 hasher;
  while (true) {
    ASSIGN_OR_RETURN(const absl::Span<const char> bytes, structure.Next());
    if (bytes.empty()) break;
    hasher.Update(bytes);
  }
  return Digest::Of(absl::StrCat(index.chunks.Root().hex(), hasher.Finish().hex()));
}

}  // namespace lacuna
