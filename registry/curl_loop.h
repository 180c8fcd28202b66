// The loop thread of CurlTransport: one libcurl multi handle, driven in four steps. Private to
// registry/curl_*.cc.
//
// Add and Stop may be called from any thread; everything else happens on the loop thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>

#include "daemon/base/mutex.h"
#include "registry/curl_transfer.h"
#include "registry/curl_wrappers.h"
#include "registry/http_transport.h"

namespace lacuna {

class CurlLoop {
 public:
  CurlLoop();
  ~CurlLoop();

  void Add(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler);
  // See CurlTransport.
  void Stop();

 private:
  struct Incoming {
    HttpRequest request;
    std::shared_ptr<HttpResponseHandler> handler;
  };
  // When to look at each transfer for a stall. A byte that moves changes nothing here: the transfer is looked
  // at once too early, and then put where it belongs. So bytes cost no bookkeeping.
  using StallChecks = std::multimap<TimePoint, CURL*>;
  struct Running {
    std::unique_ptr<CurlTransfer> transfer;
    StallChecks::iterator stall_check;
  };

  void Run();
  // The four steps. TakeNew is false when the loop is to stop.
  bool TakeNew();
  void Perform();
  void Reap();
  void Wait();

  void Start(Incoming incoming);
  void Finish(CURL* easy, const absl::Status& status);
  void EndStalled();
  void CancelAll();

  const CurlMulti multi_;
  std::once_flag stopped_;

  Mutex mutex_;
  std::vector<Incoming> incoming_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;

  // The loop thread only.
  std::unordered_map<CURL*, Running> running_;
  StallChecks stall_checks_;
  std::vector<CurlEasy> idle_;  // for the next requests: making a handle costs more than a small transfer

  std::thread thread_;  // last: it uses the members above
};

}  // namespace lacuna
