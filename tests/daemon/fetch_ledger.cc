#include "tests/daemon/fetch_ledger.h"

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

ByteRange RangeOf(const HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    unsigned long long first = 0;
    unsigned long long last = 0;
    if (name == "Range" && std::sscanf(value.c_str(), "bytes=%llu-%llu", &first, &last) == 2) {
      return {first, last - first + 1};
    }
  }
  return {};
}

}  // namespace

// One request and its answer, on the way to the engine.
class FetchLedger::Exchange : public HttpResponseHandler {
 public:
  Exchange(FetchLedger& ledger, const HttpRequest& request, std::shared_ptr<HttpResponseHandler> next)
      : ledger_(ledger), url_(request.url), range_(RangeOf(request)), next_(std::move(next)) {
    ledger_.Ask(url_, ChunksOf(range_));
    undelivered_ = ChunksOf(range_);
  }

  absl::Status OnHead(const HttpResponseHead& head) override {
    position_ = head.status == 206 ? range_.offset : 0;
    return next_->OnHead(head);
  }

  absl::Status OnBody(absl::Span<const char> bytes) override {
    position_ += bytes.size();
    // Before the engine has them: it may be told by the disk, and ask again, before OnBody returns.
    while (!undelivered_.empty() &&
           position_ >= std::min((undelivered_.first + 1) * kChunkSize, range_.end())) {
      ledger_.Deliver(url_, undelivered_.first++);
    }
    return next_->OnBody(bytes);
  }

  void OnDone(const absl::Status& status) override {
    ledger_.End(url_, undelivered_);
    next_->OnDone(status);
  }

 private:
  FetchLedger& ledger_;
  const std::string url_;
  const ByteRange range_;
  const std::shared_ptr<HttpResponseHandler> next_;
  uint64_t position_ = 0;
  ChunkRange undelivered_;
};

class FetchLedger::WatchedFile : public BackingFile {
 public:
  WatchedFile(FetchLedger& ledger, std::shared_ptr<BackingFile> file, std::string url)
      : ledger_(ledger), file_(std::move(file)), url_(std::move(url)) {}

  absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) override {
    const absl::Status status = file_->WriteAt(offset, bytes);
    if (!status.ok()) ledger_.End(url_, ChunksOf({offset, bytes.size()}));
    return status;
  }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override { return file_->ReadAt(offset, out); }
  absl::Status Sync() override {
    const absl::Status status = file_->Sync();
    if (!status.ok()) ledger_.FreeAll(url_);
    return status;
  }
  absl::Status PunchHole(const ByteRange& range) override { return file_->PunchHole(range); }

 private:
  FetchLedger& ledger_;
  const std::shared_ptr<BackingFile> file_;
  const std::string url_;
};

void FetchLedger::Issue(HttpRequest request, std::shared_ptr<HttpResponseHandler> handler) {
  auto exchange = std::make_shared<Exchange>(*this, request, std::move(handler));
  next_.Issue(std::move(request), std::move(exchange));
}

std::shared_ptr<BackingFile> FetchLedger::Watch(std::shared_ptr<BackingFile> file, std::string url) {
  return std::make_shared<WatchedFile>(*this, std::move(file), std::move(url));
}

void FetchLedger::StartOver(const std::string& url, const std::vector<uint64_t>& missing) {
  MutexLock lock(mutex_);
  for (uint64_t chunk : missing) chunks_.erase({url, chunk});
}

std::vector<std::string> FetchLedger::violations() const {
  MutexLock lock(mutex_);
  return violations_;
}

void FetchLedger::Ask(const std::string& url, const ChunkRange& chunks) {
  MutexLock lock(mutex_);
  for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) {
    const auto [it, fresh] = chunks_.emplace(Chunk{url, chunk}, Account::kUnderWay);
    if (fresh) continue;
    violations_.push_back(absl::StrCat(
        url, " chunk ", chunk, it->second == Account::kUnderWay ? " is under way" : " was delivered"));
  }
}

void FetchLedger::Deliver(const std::string& url, uint64_t chunk) {
  MutexLock lock(mutex_);
  chunks_[{url, chunk}] = Account::kDelivered;
}

void FetchLedger::End(const std::string& url, const ChunkRange& chunks) {
  for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) Free(url, chunk);
}

void FetchLedger::FreeAll(const std::string& url) {
  MutexLock lock(mutex_);
  std::erase_if(chunks_, [&](const auto& item) { return item.first.first == url; });
}

void FetchLedger::Free(const std::string& url, uint64_t chunk) {
  MutexLock lock(mutex_);
  chunks_.erase({url, chunk});
}

}  // namespace lacuna
