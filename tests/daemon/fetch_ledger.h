// Keeps account of every chunk that goes over the wire: none may be asked for while it is under way, nor once
// it has been delivered, unless the disk refused it.
//
// Stands between RangeFetcher and the transport (HttpTransport) and between the engine and its disk (Watch).
// Thread-safe; outlives both.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cachefiles/backing_file.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/mutex.h"
#include "registry/http_transport.h"

namespace lacuna {

class FetchLedger : public HttpTransport {
 public:
  explicit FetchLedger(HttpTransport& next) : next_(next) {}

  void Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) override;

  // `file`, with the chunks that it refuses, or has lost, free to be asked for again.
  std::shared_ptr<BackingFile> Watch(std::shared_ptr<BackingFile> file, std::string url);
  // A cache of `url` begins anew with `missing`, and nothing is under way.
  void StartOver(const std::string& url, const std::vector<uint64_t>& missing);

  // What was asked for twice.
  std::vector<std::string> violations() const;

 private:
  class Exchange;
  class WatchedFile;
  enum class Account { kUnderWay, kDelivered };
  using Chunk = std::pair<std::string, uint64_t>;  // URL, number

  void Ask(const std::string& url, const ChunkRange& chunks);
  void Deliver(const std::string& url, uint64_t chunk);
  // Chunks under way are no more.
  void End(const std::string& url, const ChunkRange& chunks);
  void Free(const std::string& url, uint64_t chunk);
  void FreeAll(const std::string& url);

  HttpTransport& next_;

  mutable Mutex mutex_;
  std::map<Chunk, Account> chunks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> violations_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
