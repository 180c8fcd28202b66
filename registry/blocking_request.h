// One HTTP request for a thread that may wait: issue it, wait, have the whole answer.
//
// Callers: mount and CLI threads, never the transport's or a door's. Thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/clock.h"
#include "registry/http_transport.h"

namespace lacuna {

struct HttpResponse {
  HttpResponseHead head;
  std::string body;
};

// The answer, whatever its status code. ResourceExhausted when its body is longer than `max_body_bytes` (that
// of an error answer is cut there instead), DeadlineExceeded when it has not arrived whole by `deadline`,
// otherwise what ended the transfer.
absl::StatusOr<HttpResponse> BlockingRequest(HttpTransport& transport, HttpRequest request,
                                             uint64_t max_body_bytes, TimePoint deadline);

}  // namespace lacuna
