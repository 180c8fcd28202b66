#include "registry/response_collector.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "registry/http_code.h"

namespace lacuna {
namespace {}  // namespace

ResponseCollector::ResponseCollector(uint64_t max_body_bytes, Done done, Check check)
    : max_body_bytes_(max_body_bytes), done_(std::move(done)), check_(std::move(check)) {}

absl::Status ResponseCollector::OnHead(const HttpResponseHead& head) {
  response_.head = head;
  response_.body.clear();
  return absl::OkStatus();
}

absl::Status ResponseCollector::OnBody(absl::Span<const char> bytes) {
  const uint64_t room = max_body_bytes_ - response_.body.size();
  if (bytes.size() > room) {
    // The explanation of an error is as long as it likes; its code counts.
    if (response_.head.status < http_code::kFirstError) {
      return absl::ResourceExhaustedError(
          absl::StrCat("the answer is longer than ", max_body_bytes_, " bytes"));
    }
    bytes = bytes.first(room);
  }
  response_.body.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status ResponseCollector::CheckAnswer() {
  return check_ ? check_(response_) : absl::OkStatus();
}

void ResponseCollector::OnDone(const absl::Status& status) {
  Done done = std::move(done_);
  if (status.ok()) {
    std::move(done)(std::move(response_));
  } else {
    std::move(done)(status);
  }
}

}  // namespace lacuna
