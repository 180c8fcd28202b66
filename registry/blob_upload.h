// One upload session: a blob's bytes to a registry, in one request or in chunks.
// Source: OCI distribution-spec 1.1, "Pushing a blob monolithically" (POST then PUT) and "Pushing a blob in
// chunks".
//
// Made and run by ImagePusher, on the caller's thread, once.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "registry/http_transport.h"
#include "registry/push_request.h"
#include "registry/remote_blob.h"
#include "registry/upload_body.h"

namespace lacuna {

class BlobUpload {
 public:
  // `content` has `blob.size` bytes. `transport` outlives this.
  BlobUpload(HttpTransport& transport, const RemoteBlob& blob, std::shared_ptr<HttpBody> content,
             const PushLimits& limits, BytesProgress progress);

  // Returns when the registry has the blob and says so.
  absl::Status Run();

 private:
  absl::Status OpenSession();
  absl::Status SendChunks();
  // The PUT that ends the session; `body` may be null.
  absl::Status Commit(std::shared_ptr<BodyPiece> body);
  absl::StatusOr<HttpResponseHead> Send(std::string method, std::string url, std::vector<HttpHeader> headers,
                                        std::shared_ptr<BodyPiece> body, std::initializer_list<int> expected);
  absl::Status Follow(const HttpResponseHead& head);
  std::shared_ptr<BodyPiece> Piece(uint64_t offset, uint64_t length) const;

  HttpTransport& transport_;
  const RemoteBlob blob_;
  const std::shared_ptr<HttpBody> content_;
  const PushLimits limits_;
  const BytesProgress progress_;

  std::string location_;          // where the session goes on; each answer may move it
  uint64_t min_chunk_bytes_ = 0;  // what the registry asks for
};

}  // namespace lacuna
