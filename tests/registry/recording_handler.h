// Keeps what became of a request, and lets a test wait for its end. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "daemon/base/mutex.h"
#include "registry/http_transport.h"

namespace lacuna {

class RecordingHandler : public HttpResponseHandler {
 public:
  // Called at the end of OnDone, on the transport's thread.
  explicit RecordingHandler(std::function<void()> on_done = [] {}) : on_done_(std::move(on_done)) {}

  // What OnHead and OnBody answer.
  absl::Status head_answer;
  absl::Status body_answer;

  absl::Status OnHead(const HttpResponseHead& head) override {
    MutexLock lock(mutex_);
    head_ = head;
    ++heads_;
    return head_answer;
  }
  absl::Status OnBody(absl::Span<const char> bytes) override {
    MutexLock lock(mutex_);
    body_.append(bytes.data(), bytes.size());
    return body_answer;
  }
  void OnDone(const absl::Status& status) override {
    {
      MutexLock lock(mutex_);
      status_ = status;
      ++dones_;
      changed_.NotifyAll();
    }
    on_done_();
  }

  absl::Status Await() {
    MutexLock lock(mutex_);
    while (dones_ == 0) changed_.Wait(mutex_);
    return status_;
  }
  HttpResponseHead head() const {
    MutexLock lock(mutex_);
    return head_;
  }
  std::string body() const {
    MutexLock lock(mutex_);
    return body_;
  }
  int heads() const {
    MutexLock lock(mutex_);
    return heads_;
  }
  int dones() const {
    MutexLock lock(mutex_);
    return dones_;
  }

 private:
  const std::function<void()> on_done_;
  mutable Mutex mutex_;
  CondVar changed_;
  HttpResponseHead head_ ABSL_GUARDED_BY(mutex_);
  std::string body_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  int heads_ ABSL_GUARDED_BY(mutex_) = 0;
  int dones_ ABSL_GUARDED_BY(mutex_) = 0;
};

inline std::shared_ptr<RecordingHandler> Issue(HttpTransport& transport, HttpRequest request) {
  auto handler = std::make_shared<RecordingHandler>();
  transport.Issue(std::move(request), handler);
  return handler;
}

}  // namespace lacuna
