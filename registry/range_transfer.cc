#include "registry/range_transfer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/content_range.h"
#include "registry/http_code.h"

namespace lacuna {
RangeTransfer::RangeTransfer(RemoteBlob blob, const ByteRange& range, Priority priority,
                             std::shared_ptr<RangeSink> sink, FetchCounters& counters,
                             absl::AnyInvocable<void() &&> on_end)
    : blob_(std::move(blob)),
      range_(range),
      priority_(priority),
      sink_(std::move(sink)),
      counters_(counters),
      on_end_(std::move(on_end)),
      delivered_to_(range.offset) {}

void RangeTransfer::OnAttempt(HttpRequest& request) {
  code_ = 0;
  request.headers.emplace_back("Range", absl::StrCat("bytes=", delivered_to_, "-", range_.end() - 1));
}

absl::Status RangeTransfer::OnHead(const HttpResponseHead& head) {
  code_ = head.status;
  if (head.status == http_code::kPartialContent) {
    body_ = {delivered_to_, range_.end() - delivered_to_};
    RETURN_IF_ERROR(CheckPartial(head));
  } else if (head.status == http_code::kOk) {
    body_ = {0, blob_.size};
    counters_.AddWholeBlobAnswer();
  } else {
    return absl::UnknownError(absl::StrCat("HTTP ", head.status, " to a GET"));
  }
  position_ = body_.offset;
  return CheckLength(head.Find("Content-Length"));
}

absl::Status RangeTransfer::CheckPartial(const HttpResponseHead& head) const {
  const absl::string_view value = head.Find("Content-Range");
  if (value.empty()) return IntegrityError("HTTP 206 without Content-Range");
  const absl::StatusOr<ContentRange> got = ParseContentRange(value);
  if (!got.ok()) return IntegrityError(got.status().message());
  if (got->range != body_) {
    return IntegrityError(
        absl::StrCat("the answer is for bytes ", ToString(got->range), ", asked for ", ToString(body_)));
  }
  if (got->total.has_value() && *got->total != blob_.size) {
    return IntegrityError(
        absl::StrCat("the registry's blob has ", *got->total, " bytes, the manifest says ", blob_.size));
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
  const ByteRange kept = Intersection(got, {delivered_to_, range_.end() - delivered_to_});
  position_ = got.end();
  if (kept.length < got.length) counters_.AddWasted(got.length - kept.length);
  if (kept.empty()) return absl::OkStatus();
  counters_.AddKept(priority_, kept.length);
  delivered_to_ = kept.end();
  sink_->OnBytes(bytes.subspan(kept.offset - got.offset, kept.length));
  return absl::OkStatus();
}

absl::Status RangeTransfer::CheckAnswer() {
  if (position_ == body_.end()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("the body ended after ", position_ - body_.offset, " of ", body_.length, " bytes"));
}

void RangeTransfer::OnDone(const absl::Status& status) {
  std::move(on_end_)();
  sink_->OnDone(Annotate(status, absl::StrCat(blob_.repository.registry->host(), "/", blob_.repository.name,
                                              "@", blob_.digest.ToString())));
}

}  // namespace lacuna
