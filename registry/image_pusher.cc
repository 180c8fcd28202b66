#include "registry/image_pusher.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/http_code.h"
#include "registry/referrers.h"

namespace lacuna {
namespace {}  // namespace

absl::StatusOr<BlobPush> ImagePusher::PushBlob(const RemoteBlob& blob, const Open& open,
                                               absl::string_view mount_from, BytesProgress progress) {
  absl::Status opened;
  const auto opening = [&]() -> absl::StatusOr<std::shared_ptr<HttpBody>> {
    absl::StatusOr<std::shared_ptr<HttpBody>> content = open();
    opened = content.status();
    return content;
  };
  absl::StatusOr<BlobPush> pushed = Transfer(blob, opening, mount_from, std::move(progress));
  if (pushed.ok() || !opened.ok()) return pushed;  // what cannot be opened says itself where that is
  return Annotate(pushed.status(), blob.repository.Describe("push blob", blob.digest.ToString()));
}

absl::StatusOr<BlobPush> ImagePusher::Transfer(const RemoteBlob& blob, const Open& open,
                                               absl::string_view mount_from, BytesProgress progress) const {
  ASSIGN_OR_RETURN(const bool there, HasBlob(blob));
  if (there) return BlobPush::kPresent;
  BlobUpload upload(blob, limits_, sleep_);
  if (!mount_from.empty() && upload.Mount(mount_from)) return BlobPush::kMounted;
  ASSIGN_OR_RETURN(std::shared_ptr<HttpBody> content, open());
  if (content->size() != blob.size) {
    return IntegrityError(absl::StrCat("has ", content->size(), " bytes, its descriptor says ", blob.size));
  }
  RETURN_IF_ERROR(upload.Run(std::move(content), std::move(progress)));
  return BlobPush::kSent;
}

absl::StatusOr<Digest> ImagePusher::PushManifest(const Repository& repository,
                                                 const std::string& tag_or_digest,
                                                 const RawManifest& manifest) {
  const Digest digest = manifest.digest();
  const absl::StatusOr<HttpResponseHead> head =
      PutManifest(repository, tag_or_digest, manifest, limits_, sleep_);
  if (!head.ok()) return Annotate(head.status(), repository.Describe("push manifest", tag_or_digest));
  // "Pushing Manifests with Subject": a registry that lists it says so.
  const absl::StatusOr<ReadManifest> read = ParseRawManifest(manifest.bytes, manifest.media_type);
  if (!read.ok() || !head->Find("OCI-Subject").empty()) return digest;
  const auto subject = std::visit([](const auto& document) { return document.subject; }, read->document);
  if (subject.has_value()) {
    RETURN_IF_ERROR(Referrers(limits_, sleep_).AddToTag(repository, subject->digest, ReferrerOf(*read)));
  }
  return digest;
}

// "Checking if content exists in the registry".
absl::StatusOr<bool> ImagePusher::HasBlob(const RemoteBlob& blob) const {
  RegistryRequest request{.method = "HEAD", .path = blob.repository.BlobPath(blob.digest)};
  const absl::StatusOr<HttpResponseHead> head =
      SendPushRequest(blob.repository, std::move(request), {http_code::kOk}, limits_);
  if (absl::IsNotFound(head.status())) return false;
  if (!head.ok()) return head.status();
  uint64_t length = 0;
  if (absl::SimpleAtoi(head->Find("Content-Length"), &length) && length != blob.size) {
    return IntegrityError(absl::StrCat("the registry has it with ", length, " bytes, not ", blob.size));
  }
  return true;
}

}  // namespace lacuna
