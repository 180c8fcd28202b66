// A whole answer, head and body, for those who do not stream: manifests, tokens, what a push is told.
//
// Fed by the transport or an Exchange; used once.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "registry/registry_request.h"

namespace lacuna {

struct HttpResponse {
  HttpResponseHead head;
  std::string body;
};

class ResponseCollector : public ExchangeHandler {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<HttpResponse>) &&>;
  // Whether a whole answer is the one that was wanted; if not, another attempt or server may have it.
  using Check = std::function<absl::Status(const HttpResponse&)>;

  // `done` gets the answer, whatever its status code; ResourceExhausted when its body is longer than
  // `max_body_bytes` (that of an error answer is cut there instead); otherwise what ended the transfer.
  ResponseCollector(uint64_t max_body_bytes, Done done, Check check = nullptr);

  absl::Status OnHead(const HttpResponseHead& head) override;
  absl::Status OnBody(absl::Span<const char> bytes) override;
  absl::Status CheckAnswer() override;
  void OnDone(const absl::Status& status) override;

 private:
  const uint64_t max_body_bytes_;
  Done done_;
  const Check check_;
  HttpResponse response_;
};

}  // namespace lacuna
