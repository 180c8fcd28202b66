#include "registry/blob_upload.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/status.h"
#include "registry/http_code.h"
#include "registry/retry_policy.h"
#include "registry/url.h"

namespace lacuna {
namespace {

const HttpHeader kBytes = {"Content-Type", "application/octet-stream"};

// How many bytes "0-END", the end included, says are there. Not RFC 9110's Range. Nothing for anything else;
// docker-registry says "0-0" of none and of one.
std::optional<uint64_t> BytesThere(absl::string_view range) {
  absl::ConsumePrefix(&range, "bytes=");
  uint64_t end = 0;
  if (!absl::ConsumePrefix(&range, "0-") || !absl::SimpleAtoi(range, &end)) return std::nullopt;
  return end + 1;
}

// Failures after which the rest may still arrive.
bool IsBreak(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
}

}  // namespace

BlobUpload::BlobUpload(RemoteBlob blob, const PushLimits& limits, Sleep sleep)
    : blob_(std::move(blob)), limits_(limits), sleep_(std::move(sleep)) {}

bool BlobUpload::Mount(absl::string_view repository) {
  const std::string uploads = absl::StrCat(blob_.repository.name, "/blobs/uploads/");
  RegistryRequest request{
      .method = "POST",
      .path = WithQuery(WithQuery(uploads, "mount", blob_.digest.ToString()), "from", repository),
      .scope = absl::StrCat(blob_.repository.Scope("pull,push"), " repository:", repository, ":pull"),
      .persistence = Persistence::kOnce};
  const absl::StatusOr<HttpResponseHead> head =
      Send(std::move(request), {http_code::kCreated, http_code::kAccepted});
  if (!head.ok()) return false;  // no reason to give up: what stands in the way of an upload shows there
  if (head->status == http_code::kCreated) return true;
  ++sessions_;
  if (Follow(*head).ok()) state_ = State::kOpen;
  return false;
}

absl::Status BlobUpload::Run(std::shared_ptr<HttpBody> content, BytesProgress progress) {
  content_ = std::move(content);
  progress_ = std::move(progress);
  while (state_ != State::kDone) {
    const absl::Status status = Step();
    if (offset_ > furthest_) {
      furthest_ = offset_;
      breaks_ = 0;
    }
    if (status.ok()) continue;
    if (state_ == State::kOpen) cause_ = status;
    RETURN_IF_ERROR(Recover(status));
    if (++breaks_ > limits_.breaks) return cause_;
    sleep_(Backoff(breaks_));
  }
  return absl::OkStatus();
}

absl::Status BlobUpload::Step() {
  switch (state_) {
    case State::kNew:
      return OpenSession();
    case State::kOpen:
      return InChunks() && offset_ < blob_.size ? SendChunk() : Commit();
    case State::kUnknown:
      return AskOffset();
    case State::kDoubtful:
      return LookForBlob();
    case State::kDone:
      break;
  }
  return absl::OkStatus();
}

absl::Status BlobUpload::Recover(const absl::Status& status) {
  const bool gone = absl::IsNotFound(status);
  const bool committing = state_ == State::kOpen && (!InChunks() || offset_ == blob_.size);
  // A registry that ignores Content-Range puts a chunk in the wrong place when it had more than it said.
  const bool muddled = committing && broken_ && IsIntegrityError(status);
  // It cannot say how far it came: whatever was there is not relied on.
  const bool dumb = state_ == State::kUnknown && !IsBreak(status);
  if (dumb || muddled || (state_ == State::kOpen && gone && !committing)) {
    Restart();
  } else if (state_ == State::kOpen && (IsBreak(status) || gone || absl::IsOutOfRange(status))) {
    state_ = committing ? State::kDoubtful : State::kUnknown;
  } else if (state_ == State::kNew || !IsBreak(status)) {
    return status;
  }
  return state_ == State::kNew ? MayRestart() : absl::OkStatus();
}

void BlobUpload::Restart() {
  state_ = State::kNew;
  offset_ = 0;
  broken_ = false;
}

absl::Status BlobUpload::MayRestart() const {
  return sessions_ < limits_.sessions ? absl::OkStatus() : cause_;
}

absl::Status BlobUpload::OpenSession() {
  ++sessions_;
  RegistryRequest request{.method = "POST", .path = absl::StrCat(blob_.repository.name, "/blobs/uploads/")};
  ASSIGN_OR_RETURN(const HttpResponseHead head, Send(std::move(request), {http_code::kAccepted}));
  RETURN_IF_ERROR(Follow(head));
  state_ = State::kOpen;
  return absl::OkStatus();
}

absl::Status BlobUpload::SendChunk() {
  const uint64_t chunk_bytes = std::max(limits_.chunk_bytes, min_chunk_bytes_);
  const uint64_t length = std::min(chunk_bytes, blob_.size - offset_);
  RegistryRequest request{
      .method = "PATCH",
      .location = location_,
      // Not RFC 9110's Content-Range: "<start>-<end>", the end included, and nothing else.
      .headers = {kBytes, {"Content-Range", absl::StrCat(offset_, "-", offset_ + length - 1)}},
      .body = std::make_shared<BodyPiece>(content_, offset_, length, progress_),
      .persistence = Persistence::kOnce};
  ASSIGN_OR_RETURN(const HttpResponseHead head, Send(std::move(request), {http_code::kAccepted}));
  RETURN_IF_ERROR(Follow(head));
  const uint64_t there = BytesThere(head.Find("Range")).value_or(offset_ + length);
  if (there != offset_ + length) {
    return absl::OutOfRangeError(
        absl::StrCat("the registry has ", there, " bytes after a chunk up to ", offset_ + length));
  }
  offset_ = there;
  return absl::OkStatus();
}

absl::Status BlobUpload::AskOffset() {
  ASSIGN_OR_RETURN(const HttpResponseHead head, Send({.location = location_}, {http_code::kNoContent}));
  const std::optional<uint64_t> there = BytesThere(head.Find("Range"));
  // One byte, or none: not worth the doubt.
  if (!there.has_value() || *there <= 1 || *there > blob_.size) {
    return absl::OutOfRangeError("the registry does not say how much of the upload it has");
  }
  if (!head.Find("Location").empty()) RETURN_IF_ERROR(Follow(head));
  offset_ = *there;
  broken_ = true;
  state_ = State::kOpen;
  return absl::OkStatus();
}

absl::Status BlobUpload::Commit() {
  RegistryRequest request{.method = "PUT",
                          .location = WithQuery(location_, "digest", blob_.digest.ToString()),
                          .headers = {kBytes},
                          .persistence = Persistence::kOnce};
  if (!InChunks()) request.body = std::make_shared<BodyPiece>(content_, 0, blob_.size, progress_);
  // The specification has 201; registries in use also say 200 and 204.
  RETURN_IF_ERROR(
      Send(std::move(request), {http_code::kCreated, http_code::kOk, http_code::kNoContent}).status());
  state_ = State::kDone;
  return absl::OkStatus();
}

absl::Status BlobUpload::LookForBlob() {
  absl::Status there =
      Send({.method = "HEAD", .path = blob_.repository.BlobPath(blob_.digest)}, {http_code::kOk}).status();
  if (there.ok()) {
    state_ = State::kDone;
    return absl::OkStatus();
  }
  if (!absl::IsNotFound(there)) return there;
  // All of a blob that went in one request is sent again; a session may have the chunks still.
  if (InChunks()) {
    state_ = State::kUnknown;
    return absl::OkStatus();
  }
  Restart();
  return MayRestart();
}

absl::StatusOr<HttpResponseHead> BlobUpload::Send(RegistryRequest request,
                                                  std::initializer_list<int> expected) const {
  return SendPushRequest(blob_.repository, std::move(request), expected, limits_);
}

absl::Status BlobUpload::Follow(const HttpResponseHead& head) {
  ASSIGN_OR_RETURN(location_, ResolveLocation(head.url, head.Find("Location")));
  uint64_t minimum = 0;
  if (absl::SimpleAtoi(head.Find("OCI-Chunk-Min-Length"), &minimum)) min_chunk_bytes_ = minimum;
  return absl::OkStatus();
}

}  // namespace lacuna
