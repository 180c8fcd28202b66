#include "registry/curl_loop.h"

#include <pthread.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <utility>

namespace lacuna {
namespace {

using std::chrono::milliseconds;

// Kept-alive connections, over all hosts: more than RangeFetcher has running, so that none is closed only
// because all were busy once.
constexpr long kMaxIdleConnections = 128;
constexpr size_t kMaxIdleHandles = 64;
constexpr milliseconds kLongestWait = std::chrono::minutes(1);

CurlMulti MakeMulti() {
  InitCurl();
  CurlMulti multi(curl_multi_init());
  if (multi == nullptr) std::abort();  // out of memory or descriptors, at start
  curl_multi_setopt(multi.get(), CURLMOPT_MAXCONNECTS, kMaxIdleConnections);
  curl_multi_setopt(multi.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
  return multi;
}

absl::Status Cancelled() {
  return absl::CancelledError("the transfer was cancelled: shutting down");
}

// OpenSSL writes without MSG_NOSIGNAL, and libcurl leaves signals alone under CURLOPT_NOSIGNAL: a server that
// hangs up must not end the process.
void BlockSigpipe() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

}  // namespace

CurlLoop::CurlLoop() : multi_(MakeMulti()), thread_([this] { Run(); }) {}

CurlLoop::~CurlLoop() {
  Stop();
}

void CurlLoop::Add(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) {
  {
    MutexLock lock(mutex_);
    if (!stopping_) {
      incoming_.push_back({std::move(request), std::move(handler)});
      // The loop takes all at once: whoever added the first has woken it.
      if (incoming_.size() == 1) curl_multi_wakeup(multi_.get());
      return;
    }
  }
  handler->OnDone(Cancelled());
}

void CurlLoop::Stop() {
  std::call_once(stopped_, [this] {
    {
      MutexLock lock(mutex_);
      stopping_ = true;
    }
    curl_multi_wakeup(multi_.get());
    thread_.join();
  });
}

void CurlLoop::Run() {
  BlockSigpipe();
  while (TakeNew()) {
    Perform();
    Reap();
    Wait();
  }
  CancelAll();
}

bool CurlLoop::TakeNew() {
  std::vector<Incoming> incoming;
  {
    MutexLock lock(mutex_);
    if (stopping_) return false;
    incoming.swap(incoming_);
  }
  for (Incoming& one : incoming) Start(std::move(one));
  return true;
}

void CurlLoop::Perform() {
  int running = 0;
  curl_multi_perform(multi_.get(), &running);
}

void CurlLoop::Reap() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    CURL* const easy = message->easy_handle;
    const CURLcode code = message->data.result;  // the message is gone once the handle is removed
    Finish(easy, running_.at(easy).transfer->Result(code));
  }
  EndStalled();
}

void CurlLoop::EndStalled() {
  const TimePoint now = std::chrono::steady_clock::now();
  while (!stall_checks_.empty() && stall_checks_.begin()->first <= now) {
    CURL* const easy = stall_checks_.begin()->second;
    Running& running = running_.at(easy);
    if (const absl::Status status = running.transfer->Check(now); !status.ok()) {
      Finish(easy, status);
    } else {
      stall_checks_.erase(running.stall_check);
      running.stall_check = stall_checks_.emplace(running.transfer->next_check(), easy);
    }
  }
}

void CurlLoop::Wait() {
  milliseconds wait = kLongestWait;
  if (!stall_checks_.empty()) {
    const Duration until = stall_checks_.begin()->first - std::chrono::steady_clock::now();
    wait = std::clamp(std::chrono::ceil<milliseconds>(until), milliseconds(0), wait);
  }
  // Returns early for sockets, libcurl's own timers, and curl_multi_wakeup.
  curl_multi_poll(multi_.get(), nullptr, 0, static_cast<int>(wait.count()), nullptr);
}

void CurlLoop::Start(Incoming incoming) {
  CurlEasy easy;
  if (idle_.empty()) {
    easy.reset(curl_easy_init());
  } else {
    easy = std::move(idle_.back());
    idle_.pop_back();
  }
  if (easy == nullptr)
    return incoming.handler->OnDone(absl::ResourceExhaustedError("no memory for a transfer"));
  CURL* const key = easy.get();
  auto transfer = std::make_unique<CurlTransfer>(std::move(easy), std::move(incoming.request),
                                                 std::move(incoming.handler));
  absl::Status status = transfer->Prepare();
  const auto stall_check = stall_checks_.emplace(transfer->next_check(), key);
  running_.emplace(key, Running{std::move(transfer), stall_check});
  if (status.ok() && curl_multi_add_handle(multi_.get(), key) != CURLM_OK) {
    status = absl::InternalError("libcurl refused a transfer");
  }
  if (!status.ok()) Finish(key, status);
}

void CurlLoop::Finish(CURL* easy, const absl::Status& status) {
  const auto found = running_.find(easy);
  const std::unique_ptr<CurlTransfer> transfer = std::move(found->second.transfer);
  stall_checks_.erase(found->second.stall_check);
  running_.erase(found);
  curl_multi_remove_handle(multi_.get(), easy);
  CurlEasy handle = transfer->End(status);
  if (idle_.size() < kMaxIdleHandles) idle_.push_back(std::move(handle));
}

void CurlLoop::CancelAll() {
  while (!running_.empty()) Finish(running_.begin()->first, Cancelled());
  std::vector<Incoming> incoming;
  {
    MutexLock lock(mutex_);
    incoming.swap(incoming_);
  }
  for (const Incoming& one : incoming) one.handler->OnDone(Cancelled());
  idle_.clear();
}

}  // namespace lacuna
