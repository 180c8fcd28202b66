// One blob's bytes to a registry, in one request or in chunks; what breaks off goes on where it was.
// Source: OCI distribution-spec 1.1, "Pushing a blob monolithically" (POST then PUT), "Pushing a blob in
// chunks", "Mounting a blob from another repository".
//
//   kNew --POST--> kOpen --PATCH...--> kOpen --PUT--> kDone
//    ^               ^ \__ a PATCH failed: kUnknown --GET--> kOpen, or kNew when the session is gone
//    |               |
//    +--not there----+---- the PUT failed: kDoubtful --HEAD--> kDone when it is there after all
//
// Made and run by ImagePusher, on the caller's thread, once.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/push_request.h"
#include "registry/remote_blob.h"
#include "registry/upload_body.h"

namespace lacuna {

class BlobUpload {
 public:
  // `sleep` is called between a failure and what follows it.
  BlobUpload(RemoteBlob blob, const PushLimits& limits, Sleep sleep);

  // Asks for the blob to be taken from `repository` of the same registry. True: done, there is nothing to
  // run.
  bool Mount(absl::string_view repository);

  // Returns when the registry has the blob and says so. `content` has `blob.size` bytes.
  absl::Status Run(std::shared_ptr<HttpBody> content, BytesProgress progress);

 private:
  enum class State {
    kNew,       // no session
    kOpen,      // the session has the first `offset_` bytes
    kUnknown,   // how much it has is not known
    kDoubtful,  // whether it was committed is not known
    kDone,
  };

  absl::Status Step();
  // Finds what to do after a step that ended with `status`; returns an error when that is nothing.
  absl::Status Recover(const absl::Status& status);
  absl::Status OpenSession();
  absl::Status SendChunk();
  absl::Status AskOffset();
  absl::Status Commit();
  absl::Status LookForBlob();

  absl::StatusOr<HttpResponseHead> Send(RegistryRequest request, std::initializer_list<int> expected) const;
  absl::Status Follow(const HttpResponseHead& head);
  void Restart();
  // Unless there were sessions enough.
  absl::Status MayRestart() const;
  bool InChunks() const { return blob_.size > limits_.monolithic_bytes; }

  const RemoteBlob blob_;
  const PushLimits limits_;
  const Sleep sleep_;
  std::shared_ptr<HttpBody> content_;
  BytesProgress progress_;

  State state_ = State::kNew;
  int sessions_ = 0;
  int breaks_ = 0;         // since `furthest_` was reached
  uint64_t furthest_ = 0;  // the largest `offset_` so far
  absl::Status cause_;     // what went wrong last with bytes on their way

  // Of the session.
  std::string location_;          // where it goes on; each answer may move it
  uint64_t min_chunk_bytes_ = 0;  // what the registry asks for
  uint64_t offset_ = 0;           // how many bytes it has
  bool broken_ = false;           // it has been resumed: what it holds is the registry's word
};

}  // namespace lacuna
