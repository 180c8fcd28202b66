// The answers to one ranged GET: checks that they are the range asked for, and feeds exactly that to a sink,
// each byte once, however many attempts it takes.
//
// Made by RangeFetcher, called by an Exchange, one call at a time.
#pragma once

#include <cstdint>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "daemon/base/byte_range.h"
#include "registry/fetch_counters.h"
#include "registry/priority.h"
#include "registry/range_sink.h"
#include "registry/registry_request.h"
#include "registry/remote_blob.h"

namespace lacuna {

class RangeTransfer : public ExchangeHandler {
 public:
  // `range` is not empty and within the blob. `on_end` is called once, before the sink's OnDone. `counters`
  // outlive this.
  RangeTransfer(RemoteBlob blob, const ByteRange& range, Priority priority, std::shared_ptr<RangeSink> sink,
                FetchCounters& counters, absl::AnyInvocable<void() &&> on_end);

  void OnAttempt(HttpRequest& request) override;
  absl::Status OnHead(const HttpResponseHead& head) override;
  absl::Status OnBody(absl::Span<const char> bytes) override;
  absl::Status CheckAnswer() override;
  bool HasAll() const override { return delivered_to_ == range_.end(); }
  void OnDone(const absl::Status& status) override;

 private:
  absl::Status CheckPartial(const HttpResponseHead& head) const;
  absl::Status CheckLength(absl::string_view content_length) const;

  const RemoteBlob blob_;
  const ByteRange range_;
  const Priority priority_;
  const std::shared_ptr<RangeSink> sink_;
  FetchCounters& counters_;
  absl::AnyInvocable<void() &&> on_end_;

  uint64_t delivered_to_;  // of the blob: where the sink's next byte is

  // Of the attempt under way.
  int code_ = 0;           // HTTP status, 0 before the head
  ByteRange body_;         // what the body is of the blob: what is missing (206) or all of it (200)
  uint64_t position_ = 0;  // of the blob: where the body's next byte belongs
};

}  // namespace lacuna
