// Copies an image, or an index with all its images, from one store to another: blobs, then the manifests
// that name them, its name last. Every byte is checked against its digest, and manifests keep theirs.
//
// Callers: lacuna-image, on a thread that may wait. A function; what it is given is used by it alone.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/image_store.h"
#include "registry/platform.h"

namespace lacuna {

struct CopiedBlob {
  Descriptor descriptor;
  BlobPush how;
};

struct CopyResult {
  Digest digest;  // of what the name means now
  std::vector<CopiedBlob> blobs;
};

// Who shows how far a copy is. Called on the copying thread, but for OnBytes: that is on any, one at a time,
// between OnBegin and what follows it.
class CopyWatcher {
 public:
  virtual ~CopyWatcher() = default;
  virtual void OnBegin(absl::string_view verb, const Descriptor& descriptor) = 0;
  virtual void OnBytes(uint64_t bytes) = 0;
  virtual void OnBlob(const CopiedBlob& blob) = 0;
};

// With `platform` only that image of an index, which then is what the name means. Errors are those of the
// stores; NotFound for a platform that is not there; InvalidArgument for an index nested too deeply, or of
// too many manifests.
absl::StatusOr<CopyResult> CopyImage(ImageSource& source, ImageTarget& target,
                                     const std::optional<Platform>& platform, CopyWatcher& watcher);

}  // namespace lacuna
