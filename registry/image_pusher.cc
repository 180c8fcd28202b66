#include "registry/image_pusher.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/blob_upload.h"
#include "registry/http_error.h"

namespace lacuna {
namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kNotFound = 404;

// "Checking if content exists in the registry": the answer to a HEAD of the blob.
absl::StatusOr<bool> IsThere(const HttpResponseHead& head, const RemoteBlob& blob) {
  if (head.status == kNotFound) return false;
  uint64_t length = 0;
  if (absl::SimpleAtoi(head.Find("Content-Length"), &length) && length != blob.size) {
    return IntegrityError(absl::StrCat("the registry has it with ", length, " bytes, not ", blob.size));
  }
  return true;
}

// What the registry says it stored, if it says so, against what was sent.
absl::StatusOr<Digest> CheckStored(const HttpResponseHead& head, Digest sent) {
  const absl::string_view stored = head.Find("Docker-Content-Digest");
  if (absl::StartsWith(stored, "sha256:") && stored != sent.ToString()) {
    return IntegrityError(absl::StrCat("the registry stored it as ", stored, ", expected ", sent.ToString()));
  }
  return sent;
}

}  // namespace

absl::StatusOr<bool> ImagePusher::PushBlob(const RemoteBlob& blob, std::shared_ptr<HttpBody> content,
                                           BytesProgress progress) {
  const std::string context = absl::StrCat(UrlHost(blob.repository.base_url), ": push blob ",
                                           blob.repository.name, "@", blob.digest.ToString());
  const absl::StatusOr<bool> there = HasBlob(blob);
  if (!there.ok()) return Annotate(there.status(), context);
  if (*there) return false;
  BlobUpload upload(transport_, blob, std::move(content), limits_, std::move(progress));
  if (const absl::Status status = upload.Run(); !status.ok()) return Annotate(status, context);
  return true;
}

absl::StatusOr<Digest> ImagePusher::PushManifest(const Repository& repository, absl::string_view tag,
                                                 const Manifest& manifest) {
  const std::string json = ManifestJson(manifest);
  HttpRequest request;
  request.method = "PUT";
  request.url = repository.ManifestUrl(tag);
  request.authorization = repository.authorizer->AuthorizationHeader();
  request.headers = {{"Content-Type", manifest.media_type}};
  request.body = std::make_shared<MemoryBody>(json);
  const auto push = [&]() -> absl::StatusOr<Digest> {
    ASSIGN_OR_RETURN(const HttpResponseHead head,
                     SendPushRequest(transport_, std::move(request), {kCreated, kOk}, limits_));
    return CheckStored(head, Digest::Of(json));
  };
  absl::StatusOr<Digest> digest = push();
  if (digest.ok()) return digest;
  return Annotate(digest.status(),
                  absl::StrCat(UrlHost(repository.base_url), ": push manifest ", repository.name, ":", tag));
}

absl::StatusOr<bool> ImagePusher::HasBlob(const RemoteBlob& blob) {
  HttpRequest request;
  request.method = "HEAD";
  request.url = blob.repository.BlobUrl(blob.digest);
  request.authorization = blob.repository.authorizer->AuthorizationHeader();
  ASSIGN_OR_RETURN(const HttpResponseHead head,
                   SendPushRequest(transport_, std::move(request), {kOk, kNotFound}, limits_));
  return IsThere(head, blob);
}

}  // namespace lacuna
