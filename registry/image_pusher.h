// Sends an image to a registry: its blobs, those that are not there yet, and then its manifests.
// Source: OCI distribution-spec 1.1, "Push".
//
// Callers: lacuna-image, on a thread that may wait. Thread-safe.
//
// Errors read "HOST: push blob REPOSITORY@DIGEST: cause" or "HOST: push manifest REPOSITORY:TAG: cause".
// Unauthenticated, NotFound, Unavailable and DeadlineExceeded as for RegistryClient; IntegrityError when what
// arrived has another digest.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "registry/blob_upload.h"
#include "registry/push_request.h"
#include "registry/raw_manifest.h"
#include "registry/remote_blob.h"
#include "registry/upload_body.h"

namespace lacuna {

// How a blob came to be there.
enum class BlobPush {
  kPresent,  // it was
  kMounted,  // the registry had it in another repository
  kSent,
};

class ImagePusher {
 public:
  // Opens the blob: `blob.size` bytes with `blob.digest`.
  using Open = std::function<absl::StatusOr<std::shared_ptr<HttpBody>>()>;

  // `sleep` is called between two attempts.
  explicit ImagePusher(PushLimits limits = {}, Sleep sleep = SleepFor)
      : limits_(limits), sleep_(std::move(sleep)) {}

  // `open` is called only when bytes have to be sent. `mount_from`, if not empty, is a repository of the same
  // registry that may have the blob. `progress` may be empty; it is called on the transport's thread and not
  // after this returned.
  absl::StatusOr<BlobPush> PushBlob(const RemoteBlob& blob, const Open& open, absl::string_view mount_from,
                                    BytesProgress progress);

  // After all that the manifest names. Its digest. A manifest with a subject is listed among its referrers
  // (referrers.h).
  absl::StatusOr<Digest> PushManifest(const Repository& repository, const std::string& tag_or_digest,
                                      const RawManifest& manifest);

 private:
  absl::StatusOr<bool> HasBlob(const RemoteBlob& blob) const;
  absl::StatusOr<BlobPush> Transfer(const RemoteBlob& blob, const Open& open, absl::string_view mount_from,
                                    BytesProgress progress) const;

  const PushLimits limits_;
  const Sleep sleep_;
};

}  // namespace lacuna
