// The indexes of layers that are here: ROOT/indexes/HEX, each under the digest of its file.
//
// Which of them may be used for an image is not decided here: what lies here may be anybody's
// (image_indexes.h).
//
// Callers: the daemon's control threads; calls wait for the disk. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

// An index and the digest of its file.
struct StoredIndex {
  std::shared_ptr<const LayerIndex> index;
  Digest digest;
};

class IndexStore {
 public:
  // Makes ROOT/indexes.
  static absl::StatusOr<std::unique_ptr<IndexStore>> Open(const std::string& root);

  // NotFound when it is not here, or damaged: then it is removed.
  absl::StatusOr<StoredIndex> Load(const Digest& digest) const;
  // Parses the file of an index, all that is in it, and keeps it. InvalidArgument as ParseLayerIndex and
  // ReadLayerContents have it.
  absl::StatusOr<StoredIndex> Keep(absl::string_view bytes) const;

 private:
  explicit IndexStore(std::string folder) : folder_(std::move(folder)) {}
  std::string PathOf(const Digest& digest) const;

  const std::string folder_;
};

}  // namespace lacuna
