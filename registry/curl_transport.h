// HttpTransport over libcurl: every transfer of the process in one loop thread, with kept-alive connections,
// HTTP/2 where TLS negotiates it, and no thread per request.
//
// Callers: anybody; thread-safe. Handlers are called on the loop thread (after Stop(), on the thread that
// issues).
//
// A request fails with Unavailable when the host cannot be reached or found, TLS fails, the connection
// breaks, or the body is cut short; DeadlineExceeded when it stalls, connecting takes too long or its
// deadline passes; PermissionDenied when a certificate is not trusted; Unknown when the answer makes no sense
// (headers beyond 64 KiB, no HTTP); InvalidArgument for a URL that is not http or https. The text says which
// host and what happened. Redirects are not followed: whoever issues decides what may be sent to another
// host.
#pragma once

#include <memory>

#include "registry/http_transport.h"

namespace lacuna {

class CurlLoop;

class CurlTransport : public HttpTransport {
 public:
  CurlTransport();
  ~CurlTransport() override;

  void Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) override;

  // Ends every transfer with Cancelled, within milliseconds, and returns when all handlers have been told;
  // what is issued later ends so at once. Idempotent. Not from a handler.
  void Stop();

 private:
  const std::unique_ptr<CurlLoop> loop_;
};

}  // namespace lacuna
