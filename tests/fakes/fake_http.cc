#include "tests/fakes/fake_http.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"

namespace lacuna {

FakeHttp::FakeHttp(Responder responder) : responder_(std::move(responder)) {}

FakeHttp::~FakeHttp() {
  // A handler may issue again while it is told.
  while (std::optional<Exchange> exchange = TakeHeld()) {
    exchange->handler->OnDone(absl::CancelledError("transport gone"));
  }
}

FakeHttp::Responder FakeHttp::ServeBlob(std::string blob) {
  return [blob = std::move(blob)](const HttpRequest& request) {
    FakeAnswer answer;
    for (const auto& [name, value] : request.headers) {
      unsigned long long first = 0;
      unsigned long long last = 0;
      if (name != "Range" || std::sscanf(value.c_str(), "bytes=%llu-%llu", &first, &last) != 2) continue;
      if (first >= blob.size()) return FakeAnswer{.status = 416};
      last = std::min<unsigned long long>(last, blob.size() - 1);
      answer.status = 206;
      answer.headers = {{"Content-Range", absl::StrCat("bytes ", first, "-", last, "/", blob.size())}};
      answer.body = blob.substr(first, last - first + 1);
      return answer;
    }
    answer.body = blob;
    return answer;
  };
}

void FakeHttp::Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) {
  Exchange exchange{std::move(request), std::move(handler)};
  {
    MutexLock lock(mutex_);
    requests_.push_back(exchange.request);
    if (holding_) {
      held_.push_back(std::move(exchange));
      return;
    }
  }
  Deliver(exchange);
}

void FakeHttp::Hold() {
  MutexLock lock(mutex_);
  holding_ = true;
}

void FakeHttp::ReleaseAll() {
  {
    MutexLock lock(mutex_);
    holding_ = false;
  }
  while (AnswerHeld()) {
  }
}

bool FakeHttp::AnswerHeld() {
  const std::optional<Exchange> exchange = TakeHeld();
  if (exchange.has_value()) Deliver(*exchange);
  return exchange.has_value();
}

std::optional<FakeHttp::Exchange> FakeHttp::TakeHeld() {
  MutexLock lock(mutex_);
  if (held_.empty()) return std::nullopt;
  Exchange exchange = std::move(held_.front());
  held_.pop_front();
  return exchange;
}

size_t FakeHttp::held() const {
  MutexLock lock(mutex_);
  return held_.size();
}

std::vector<HttpRequest> FakeHttp::requests() const {
  MutexLock lock(mutex_);
  return requests_;
}

std::vector<std::string> FakeHttp::ranges() const {
  std::vector<std::string> ranges;
  for (const HttpRequest& request : requests()) {
    auto it = std::find_if(request.headers.begin(), request.headers.end(),
                           [](const HttpHeader& header) { return header.first == "Range"; });
    ranges.push_back(it == request.headers.end() ? "" : it->second);
  }
  return ranges;
}

void FakeHttp::Deliver(const Exchange& exchange) const {
  const FakeAnswer answer = responder_(exchange.request);
  HttpResponseHandler& handler = *exchange.handler;
  if (answer.status == 0) return handler.OnDone(answer.end);
  absl::Status status =
      handler.OnHead({.status = answer.status, .headers = answer.headers, .url = exchange.request.url});
  for (size_t at = 0; status.ok() && at < answer.body.size(); at += answer.piece) {
    const size_t size = std::min(answer.piece, answer.body.size() - at);
    status = handler.OnBody(absl::MakeConstSpan(answer.body).subspan(at, size));
  }
  handler.OnDone(status.ok() ? answer.end : status);
}

}  // namespace lacuna
