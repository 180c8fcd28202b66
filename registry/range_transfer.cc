#include "registry/range_transfer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/content_range.h"
#include "registry/http_error.h"

namespace lacuna {
namespace {

constexpr int kOk = 200;
constexpr int kPartialContent = 206;

// The part of `a` that lies within `b`; empty, at some place, when there is none.
ByteRange Intersection(const ByteRange& a, const ByteRange& b) {
  const uint64_t begin = std::max(a.offset, b.offset);
  return {begin, std::max(begin, std::min(a.end(), b.end())) - begin};
}

}  // namespace

RangeTransfer::RangeTransfer(RangeRequest request, FetchCounters& counters,
                             absl::AnyInvocable<void() &&> on_end)
    : request_(std::move(request)),
      url_(request_.blob.repository.BlobUrl(request_.blob.digest)),
      counters_(counters),
      on_end_(std::move(on_end)) {}

HttpRequest RangeTransfer::MakeRequest() const {
  HttpRequest request;
  request.url = url_;
  request.authorization = request_.blob.repository.authorizer->AuthorizationHeader();
  // Without Accept-Encoding a server may compress (RFC 9110 section 12.5.3), and ranges would be of that.
  request.headers = {{"Range", absl::StrCat("bytes=", request_.range.offset, "-", request_.range.end() - 1)},
                     {"Accept-Encoding", "identity"}};
  return request;
}

absl::Status RangeTransfer::OnHead(const HttpResponseHead& head) {
  code_ = head.status;
  if (head.status == kPartialContent) {
    body_ = request_.range;
    RETURN_IF_ERROR(CheckPartial(head));
  } else if (head.status == kOk) {
    body_ = {0, request_.blob.size};
    counters_.AddWholeBlobAnswer();
  } else {
    return HttpError(head, url_);
  }
  position_ = body_.offset;
  return CheckLength(head.Find("Content-Length"));
}

absl::Status RangeTransfer::CheckPartial(const HttpResponseHead& head) const {
  const absl::string_view value = head.Find("Content-Range");
  if (value.empty()) return IntegrityError("HTTP 206 without Content-Range");
  const absl::StatusOr<ContentRange> got = ParseContentRange(value);
  if (!got.ok()) return IntegrityError(got.status().message());
  if (got->range != request_.range) {
    return IntegrityError(absl::StrCat("the answer is for bytes ", ToString(got->range), ", asked for ",
                                       ToString(request_.range)));
  }
  if (got->total.has_value() && *got->total != request_.blob.size) {
    return IntegrityError(absl::StrCat("the registry's blob has ", *got->total, " bytes, the manifest says ",
                                       request_.blob.size));
  }
  return absl::OkStatus();
}

// Known before the body comes: a length that cannot be right costs no bytes.
absl::Status RangeTransfer::CheckLength(absl::string_view content_length) const {
  uint64_t length = 0;
  if (content_length.empty() || !absl::SimpleAtoi(content_length, &length) || length == body_.length) {
    return absl::OkStatus();
  }
  return IntegrityError(absl::StrCat("HTTP ", code_, " with ", length, " bytes, expected ", body_.length));
}

absl::Status RangeTransfer::OnBody(absl::Span<const char> bytes) {
  if (bytes.size() > body_.end() - position_) {
    return IntegrityError(
        absl::StrCat("HTTP ", code_, " with more than the ", body_.length, " bytes expected"));
  }
  const ByteRange got{position_, bytes.size()};
  const ByteRange kept = Intersection(got, request_.range);
  position_ = got.end();
  if (kept.length < got.length) counters_.AddWasted(got.length - kept.length);
  if (kept.empty()) return absl::OkStatus();
  counters_.AddKept(request_.priority, kept.length);
  request_.sink->OnBytes(bytes.subspan(kept.offset - got.offset, kept.length));
  return absl::OkStatus();
}

absl::Status RangeTransfer::CheckEnd(const absl::Status& status) const {
  if (!status.ok() || position_ == body_.end()) return status;
  return absl::UnavailableError(
      absl::StrCat("the body ended after ", position_ - body_.offset, " of ", body_.length, " bytes"));
}

void RangeTransfer::OnDone(const absl::Status& status) {
  counters_.AddRequest(code_);
  std::move(on_end_)();
  request_.sink->OnDone(Annotate(CheckEnd(status), UrlForMessages(url_)));
}

}  // namespace lacuna
