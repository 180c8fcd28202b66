// A registry's side of the wire: answers requests from a function of the request, or holds them until the
// test says.
//
// Thread-safe. Answers are delivered on the thread that issues (no Hold) or that calls ReleaseAll /
// AnswerHeld.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "daemon/base/mutex.h"
#include "registry/http_transport.h"

namespace lacuna {

struct FakeAnswer {
  int status = 200;
  std::vector<HttpHeader> headers;
  std::string body;
  absl::Status end;  // how the transfer ends after the body; not OK before any head when `status` is 0
  size_t piece = 16 * 1024;  // bytes per OnBody
};

class FakeHttp : public HttpTransport {
 public:
  using Responder = std::function<FakeAnswer(const HttpRequest&)>;

  explicit FakeHttp(Responder responder);
  // Ends what is held with Cancelled.
  ~FakeHttp() override;

  // Serves `blob` at every URL, ranges as RFC 9110 has them (206 with Content-Range; 200 without a Range
  // header).
  static Responder ServeBlob(std::string blob);

  void Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) override;

  // While held, requests wait. ReleaseAll answers them in order of arrival and stops holding.
  void Hold();
  void ReleaseAll();
  // Answers the oldest held request only; false when there is none.
  bool AnswerHeld();
  size_t held() const;

  // All requests so far, in order.
  std::vector<HttpRequest> requests() const;
  // The "bytes=a-b" of each request, "" where there was none.
  std::vector<std::string> ranges() const;

 private:
  struct Exchange {
    HttpRequest request;
    std::shared_ptr<HttpResponseHandler> handler;
  };
  std::optional<Exchange> TakeHeld();
  void Deliver(const Exchange& exchange) const;

  Responder responder_;
  mutable Mutex mutex_;
  bool holding_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Exchange> held_ ABSL_GUARDED_BY(mutex_);
  std::vector<HttpRequest> requests_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
