#include "registry/remote_image.h"

#include <cstdlib>

#include "daemon/base/status.h"
#include "registry/blob_spool.h"
#include "registry/blob_stream.h"
#include "registry/referrers.h"

namespace lacuna {

absl::StatusOr<ReadManifest> RemoteImageSource::ReadRoot() {
  return GetRawManifest(repository_, tag_or_digest_);
}

absl::StatusOr<ReadManifest> RemoteImageSource::ReadByDescriptor(const Descriptor& descriptor) {
  ASSIGN_OR_RETURN(ReadManifest manifest, GetRawManifest(repository_, descriptor.digest.ToString()));
  const absl::Status fits = CheckBytes(manifest.raw.bytes, descriptor);
  if (fits.ok()) return manifest;
  return Annotate(fits, repository_.Describe("GET manifest", descriptor.digest.ToString()));
}

absl::StatusOr<std::shared_ptr<HttpBody>> RemoteImageSource::OpenBlob(const Descriptor& descriptor,
                                                                      const std::string& scratch,
                                                                      const BytesProgress& progress) {
  return SpoolBlob({repository_, descriptor.digest, descriptor.size}, scratch, counters_, progress);
}

absl::StatusOr<std::unique_ptr<BlobReader>> RemoteImageSource::StreamBlob(const Descriptor& descriptor) {
  return std::make_unique<BlobStream>(RemoteBlob{repository_, descriptor.digest, descriptor.size}, fetcher_);
}

absl::StatusOr<std::vector<Descriptor>> RemoteImageSource::ListReferrers(const Digest& subject,
                                                                         const std::string& artifact_type) {
  return Referrers().List(repository_, subject, artifact_type);
}

absl::StatusOr<BlobPush> RemoteImageTarget::PutBlob(const Descriptor& descriptor,
                                                    const ImagePusher::Open& open,
                                                    const std::optional<Repository>& source,
                                                    const BytesProgress& progress) {
  const bool mountable = source.has_value() && source->name != repository_.name &&
                         source->registry->host() == repository_.registry->host();
  return pusher_.PushBlob({repository_, descriptor.digest, descriptor.size}, open,
                          mountable ? source->name : "", progress);
}

absl::Status RemoteImageTarget::PutManifest(const RawManifest& manifest) {
  return pusher_.PushManifest(repository_, manifest.digest().ToString(), manifest).status();
}

absl::Status RemoteImageTarget::PutReferrer(const ReadManifest& manifest) {
  return PutManifest(manifest.raw);
}

absl::Status RemoteImageTarget::PutRoot(const ReadManifest& manifest) {
  return pusher_.PushManifest(repository_, tag_, manifest.raw).status();
}

std::string RemoteImageTarget::scratch() const {
  const char* const chosen = std::getenv("TMPDIR");
  return chosen == nullptr || *chosen == '\0' ? "/var/tmp" : chosen;
}

}  // namespace lacuna
