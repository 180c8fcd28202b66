// The network behind one method. CurlTransport (curl_transport.h) is the real one; tests/fakes/fake_http.h
// answers from a list of (url, answer).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "daemon/base/clock.h"
#include "registry/tls_settings.h"

namespace lacuna {

using HttpHeader = std::pair<std::string, std::string>;

// A request body that can be sent again from its start (a redirect, a 401). Used by one transfer at a time.
class HttpBody {
 public:
  virtual ~HttpBody() = default;
  virtual uint64_t size() const = 0;
  // Up to out.size() bytes from `offset`; 0 only at the end.
  virtual absl::StatusOr<size_t> ReadAt(uint64_t offset, absl::Span<char> out) = 0;
};

struct HttpRequest {
  std::string method = "GET";
  std::string url;  // http:// or https://
  std::vector<HttpHeader> headers;
  std::string authorization;  // value of Authorization; never logged
  std::shared_ptr<HttpBody> body;
  std::shared_ptr<const TlsSettings> tls;  // null: the certificates this host trusts, and none of our own
  Duration connect_timeout = std::chrono::seconds(10);
  // Fails the transfer when no byte moved for this long, or fewer than `stall_bytes`.
  Duration stall_timeout = std::chrono::seconds(10);
  uint64_t stall_bytes = 0;
  TimePoint deadline = TimePoint::max();  // fails it in any case
};

struct HttpResponseHead {
  int status = 0;
  std::vector<HttpHeader> headers;
  std::string url;  // that was asked

  // The value of the first header of that name, in any case; empty when absent.
  absl::string_view Find(absl::string_view name) const;
};

// What becomes of one request. Called on the transport's thread, one call at a time, and must not block.
class HttpResponseHandler {
 public:
  virtual ~HttpResponseHandler() = default;

  // Head of the answer, after interim ones; redirects are answers too. An error ends the transfer with that
  // status.
  virtual absl::Status OnHead(const HttpResponseHead& head) = 0;
  virtual absl::Status OnBody(absl::Span<const char> bytes) = 0;
  // Exactly once, last. OK when the response arrived whole (whatever its status code).
  virtual void OnDone(const absl::Status& status) = 0;
};

class HttpTransport {
 public:
  virtual ~HttpTransport() = default;
  // Starts a request; may be called from any thread, also from a handler. When the transport is destroyed,
  // unfinished transfers end with Cancelled.
  virtual void Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) = 0;
};

}  // namespace lacuna
