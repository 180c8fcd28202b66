// The two ends of a copy: where an image is read and where it is put, be it a registry or a folder.
//
// Implemented by remote_image.h and layout_image.h, used by image_copy.h and the verbs of lacuna-image on one
// thread that may wait.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "registry/blob_reader.h"
#include "registry/image_pusher.h"
#include "registry/raw_manifest.h"
#include "registry/remote_blob.h"
#include "registry/upload_body.h"

namespace lacuna {

class ImageSource {
 public:
  virtual ~ImageSource() = default;

  // What the image's name means now.
  virtual absl::StatusOr<ReadManifest> ReadRoot() = 0;
  virtual absl::StatusOr<ReadManifest> ReadByDescriptor(const Descriptor& descriptor) = 0;
  // The blob, and its bytes have been found to be those of the descriptor. `scratch` is a folder with room.
  virtual absl::StatusOr<std::shared_ptr<HttpBody>> OpenBlob(const Descriptor& descriptor,
                                                             const std::string& scratch,
                                                             const BytesProgress& progress) = 0;
  // The blob's bytes, checked by nobody yet. The source outlives the reader. Safe from any thread.
  virtual absl::StatusOr<std::unique_ptr<BlobReader>> StreamBlob(const Descriptor& descriptor) = 0;
  // What says something about the manifest `subject`, and is of this type (referrers.h).
  virtual absl::StatusOr<std::vector<Descriptor>> ListReferrers(const Digest& subject,
                                                                const std::string& artifact_type) = 0;
  // Where a registry may take blobs from by itself; none for a folder.
  virtual std::optional<Repository> repository() const { return std::nullopt; }
};

class ImageTarget {
 public:
  virtual ~ImageTarget() = default;

  // `open` is called only when the bytes are needed. `source` is what ImageSource::repository says.
  virtual absl::StatusOr<BlobPush> PutBlob(const Descriptor& descriptor, const ImagePusher::Open& open,
                                           const std::optional<Repository>& source,
                                           const BytesProgress& progress) = 0;
  // One that another names by its digest.
  virtual absl::Status PutManifest(const RawManifest& manifest) = 0;
  // One with a subject, after what it names: it can be found by that.
  virtual absl::Status PutReferrer(const ReadManifest& manifest) = 0;
  // The image itself, under its name; last.
  virtual absl::Status PutRoot(const ReadManifest& manifest) = 0;
  // Where blobs on their way here may lie.
  virtual std::string scratch() const = 0;
};

// All of a blob, verified. InvalidArgument when it is larger than `max_bytes`.
absl::StatusOr<std::string> ReadSmallBlob(ImageSource& source, const Descriptor& descriptor,
                                          uint64_t max_bytes);

}  // namespace lacuna
