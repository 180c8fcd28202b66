// Sends an image to a registry: its blobs, those that are not there yet, and then its manifest.
// Source: OCI distribution-spec 1.1, "Push".
//
// Callers: lacuna-image, on a thread that may wait. Thread-safe.
//
// Errors read "HOST: push blob REPOSITORY@DIGEST: cause" or "HOST: push manifest REPOSITORY:TAG: cause".
// Unauthenticated, NotFound, Unavailable and DeadlineExceeded as for RegistryClient; IntegrityError when what
// arrived has another digest.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"
#include "registry/http_transport.h"
#include "registry/manifest.h"
#include "registry/push_request.h"
#include "registry/remote_blob.h"
#include "registry/upload_body.h"

namespace lacuna {

class ImagePusher {
 public:
  // `transport` outlives this.
  ImagePusher(HttpTransport& transport, PushLimits limits) : transport_(transport), limits_(limits) {}

  // `content` is the blob: `blob.size` bytes with `blob.digest`. False when the registry had it already and
  // nothing was sent. `progress` may be empty; it is called on the transport's thread and not after this
  // returned.
  absl::StatusOr<bool> PushBlob(const RemoteBlob& blob, std::shared_ptr<HttpBody> content,
                                BytesProgress progress);

  // After all blobs that the manifest names. Its digest.
  absl::StatusOr<Digest> PushManifest(const Repository& repository, absl::string_view tag,
                                      const Manifest& manifest);

 private:
  absl::StatusOr<bool> HasBlob(const RemoteBlob& blob);

  HttpTransport& transport_;
  const PushLimits limits_;
};

}  // namespace lacuna
