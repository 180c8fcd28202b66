#include "registry/blob_upload.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/upload_location.h"

namespace lacuna {
namespace {

constexpr int kOk = 200;
constexpr int kCreated = 201;
constexpr int kAccepted = 202;
constexpr int kNoContent = 204;

const HttpHeader kBytes = {"Content-Type", "application/octet-stream"};

}  // namespace

BlobUpload::BlobUpload(HttpTransport& transport, const RemoteBlob& blob, std::shared_ptr<HttpBody> content,
                       const PushLimits& limits, BytesProgress progress)
    : transport_(transport),
      blob_(blob),
      content_(std::move(content)),
      limits_(limits),
      progress_(std::move(progress)) {}

absl::Status BlobUpload::Run() {
  RETURN_IF_ERROR(OpenSession());
  if (blob_.size <= limits_.monolithic_bytes) return Commit(Piece(0, blob_.size));
  RETURN_IF_ERROR(SendChunks());
  return Commit(nullptr);
}

absl::Status BlobUpload::OpenSession() {
  location_ = absl::StrCat(blob_.repository.base_url, "/v2/", blob_.repository.name, "/blobs/uploads/");
  ASSIGN_OR_RETURN(const HttpResponseHead head, Send("POST", location_, {}, nullptr, {kAccepted}));
  if (!absl::SimpleAtoi(head.Find("OCI-Chunk-Min-Length"), &min_chunk_bytes_)) min_chunk_bytes_ = 0;
  return Follow(head);
}

absl::Status BlobUpload::SendChunks() {
  const uint64_t chunk_bytes = std::max(limits_.chunk_bytes, min_chunk_bytes_);
  for (uint64_t offset = 0; offset < blob_.size;) {
    const uint64_t length = std::min(chunk_bytes, blob_.size - offset);
    // Not RFC 9110's Content-Range: "<start>-<end>", the end included, and nothing else.
    const HttpHeader range = {"Content-Range", absl::StrCat(offset, "-", offset + length - 1)};
    ASSIGN_OR_RETURN(const HttpResponseHead head,
                     Send("PATCH", location_, {kBytes, range}, Piece(offset, length), {kAccepted}));
    RETURN_IF_ERROR(Follow(head));
    offset += length;
  }
  return absl::OkStatus();
}

absl::Status BlobUpload::Commit(std::shared_ptr<BodyPiece> body) {
  // The specification has 201; registries in use also say 200 and 204.
  return Send("PUT", WithDigest(location_, blob_.digest), {kBytes}, std::move(body),
              {kCreated, kOk, kNoContent})
      .status();
}

absl::StatusOr<HttpResponseHead> BlobUpload::Send(std::string method, std::string url,
                                                  std::vector<HttpHeader> headers,
                                                  std::shared_ptr<BodyPiece> body,
                                                  std::initializer_list<int> expected) {
  HttpRequest request;
  // A location elsewhere carries its own permission, in its query.
  if (SameOrigin(url, blob_.repository.base_url)) {
    request.authorization = blob_.repository.authorizer->AuthorizationHeader();
  }
  request.method = std::move(method);
  request.url = std::move(url);
  request.headers = std::move(headers);
  request.body = body;
  absl::StatusOr<HttpResponseHead> head = SendPushRequest(transport_, std::move(request), expected, limits_);
  if (body != nullptr) body->Close();
  return head;
}

absl::Status BlobUpload::Follow(const HttpResponseHead& head) {
  ASSIGN_OR_RETURN(location_, ResolveLocation(location_, head.Find("Location")));
  return absl::OkStatus();
}

std::shared_ptr<BodyPiece> BlobUpload::Piece(uint64_t offset, uint64_t length) const {
  return std::make_shared<BodyPiece>(content_, offset, length, progress_);
}

}  // namespace lacuna
