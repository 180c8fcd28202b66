#include "registry/blob_spool.h"

#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/pending_file.h"
#include "registry/range_fetcher.h"

namespace lacuna {
namespace {

// What one download has brought, until the next continues it.
struct Spool {
  PendingFile file;
  Sha256 hasher;
  BytesProgress progress;
  uint64_t size = 0;
};

class SpoolSink : public RangeSink {
 public:
  explicit SpoolSink(Spool& spool) : spool_(&spool) {}

  void OnBytes(absl::Span<const char> bytes) override {
    if (spool_ == nullptr) return;  // the disk failed, and the waiting is over
    if (const absl::Status status = spool_->file.Write(bytes); !status.ok()) return Tell(status);
    spool_->hasher.Update(bytes);
    spool_->size += bytes.size();
    if (spool_->progress) spool_->progress(spool_->size);
  }
  void OnDone(const absl::Status& status) override {
    if (spool_ != nullptr) Tell(status);
  }
  absl::Status Wait() { return result_.get_future().get(); }

 private:
  void Tell(const absl::Status& status) {
    spool_ = nullptr;  // its owner goes on
    result_.set_value(status);
  }

  Spool* spool_;  // the transport's thread only
  std::promise<absl::Status> result_;
};

absl::Status Download(const RemoteBlob& blob, Spool& spool, FetchCounters& counters) {
  RangeFetcher fetcher(counters, Persistence::kAFewTimes);
  while (spool.size < blob.size) {
    const uint64_t before = spool.size;
    const auto sink = std::make_shared<SpoolSink>(spool);
    fetcher.Fetch(blob, {before, blob.size - before}, Priority::kDemand, TimePoint::max(), sink);
    absl::Status status = sink->Wait();
    const bool broke = absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status);
    if (!status.ok() && (!broke || spool.size == before)) return status;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<HttpBody>> SpoolBlob(const RemoteBlob& blob, const std::string& folder,
                                                    FetchCounters& counters, const BytesProgress& progress) {
  ASSIGN_OR_RETURN(PendingFile file, PendingFile::In(folder));
  Spool spool{.file = std::move(file), .progress = progress};
  RETURN_IF_ERROR(Download(blob, spool, counters));
  if (const Digest got = spool.hasher.Finish(); got != blob.digest) {
    return Annotate(IntegrityError(absl::StrCat("the bytes have digest ", got.ToString())),
                    absl::StrCat(blob.repository.registry->host(), "/", blob.repository.name, "@",
                                 blob.digest.ToString()));
  }
  ASSIGN_OR_RETURN(UniqueFd spooled, spool.file.Release());
  return FileBody::Of(std::move(spooled),
                      absl::StrCat("the copy of ", blob.digest.ToString(), " in ", folder));
}

}  // namespace lacuna
