#include "registry/blocking_request.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/mutex.h"

namespace lacuna {
namespace {

constexpr int kFirstErrorCode = 400;

// Shared with the transport: it outlives a caller that gave up.
class Collector : public HttpResponseHandler {
 public:
  explicit Collector(uint64_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  absl::Status OnHead(const HttpResponseHead& head) override {
    MutexLock lock(mutex_);
    if (abandoned_) return GivenUp();
    response_.head = head;
    return absl::OkStatus();
  }

  absl::Status OnBody(absl::Span<const char> bytes) override {
    MutexLock lock(mutex_);
    if (abandoned_) return GivenUp();
    const uint64_t room = max_body_bytes_ - response_.body.size();
    if (bytes.size() > room) {
      // The explanation of an error is as long as it likes; its code counts.
      if (response_.head.status < kFirstErrorCode) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the answer is longer than ", max_body_bytes_, " bytes"));
      }
      bytes = bytes.first(room);
    }
    response_.body.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  void OnDone(const absl::Status& status) override {
    MutexLock lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.NotifyOne();
  }

  absl::StatusOr<HttpResponse> WaitUntil(TimePoint deadline) {
    MutexLock lock(mutex_);
    while (!done_ && changed_.WaitUntil(mutex_, deadline)) {
    }
    if (!done_) {
      abandoned_ = true;
      return absl::DeadlineExceededError("no complete answer in time");
    }
    if (!status_.ok()) return status_;
    return std::move(response_);
  }

 private:
  static absl::Status GivenUp() { return absl::CancelledError("nobody waits for the answer any more"); }

  const uint64_t max_body_bytes_;
  Mutex mutex_;
  CondVar changed_;
  HttpResponse response_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

absl::StatusOr<HttpResponse> BlockingRequest(HttpTransport& transport, HttpRequest request,
                                             uint64_t max_body_bytes, TimePoint deadline) {
  auto collector = std::make_shared<Collector>(max_body_bytes);
  transport.Issue(std::move(request), collector);
  return collector->WaitUntil(deadline);
}

}  // namespace lacuna
