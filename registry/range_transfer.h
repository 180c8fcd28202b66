// The answer to one ranged GET: checks that it is the range asked for, and feeds exactly that to a sink.
//
// Made by RangeFetcher, called by the transport on its thread, one call at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "daemon/base/byte_range.h"
#include "registry/fetch_counters.h"
#include "registry/http_transport.h"
#include "registry/priority.h"
#include "registry/range_sink.h"
#include "registry/remote_blob.h"

namespace lacuna {

// What to fetch, and for whom. `range` is not empty and within the blob.
struct RangeRequest {
  RemoteBlob blob;
  ByteRange range;
  Priority priority = Priority::kDemand;
  std::shared_ptr<RangeSink> sink;
};

class RangeTransfer : public HttpResponseHandler {
 public:
  // `on_end` is called once, before the sink's OnDone: the connection is free for another. `counters` outlive
  // this.
  RangeTransfer(RangeRequest request, FetchCounters& counters, absl::AnyInvocable<void() &&> on_end);

  // The GET to issue; stall and connect timeouts are the caller's to set.
  HttpRequest MakeRequest() const;

  absl::Status OnHead(const HttpResponseHead& head) override;
  absl::Status OnBody(absl::Span<const char> bytes) override;
  void OnDone(const absl::Status& status) override;

 private:
  absl::Status CheckPartial(const HttpResponseHead& head) const;
  absl::Status CheckLength(absl::string_view content_length) const;
  absl::Status CheckEnd(const absl::Status& status) const;

  const RangeRequest request_;
  const std::string url_;
  FetchCounters& counters_;

  // The transport's thread only.
  absl::AnyInvocable<void() &&> on_end_;
  int code_ = 0;           // HTTP status, 0 before the head
  ByteRange body_;         // what the body is of the blob: the range asked for (206) or all of it (200)
  uint64_t position_ = 0;  // of the blob: where the body's next byte belongs
};

}  // namespace lacuna
