#include "registry/blob_stream.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <utility>

#include "daemon/base/mutex.h"
#include "daemon/base/status.h"

namespace lacuna {

// The pieces that were asked for and not yet read, in order.
class BlobStream::Pieces {
 public:
  // The number of a new one, counted from 0; none when there are `limit` of them, or nobody wants one.
  std::optional<uint64_t> Add(size_t limit) {
    MutexLock lock(mutex_);
    if (cancelled_ || pieces_.size() >= limit) return std::nullopt;
    pieces_.emplace_back();
    return taken_ + pieces_.size() - 1;
  }

  void Append(uint64_t number, absl::Span<const char> bytes) {
    MutexLock lock(mutex_);
    if (!cancelled_) pieces_[number - taken_].bytes.append(bytes.data(), bytes.size());
  }
  void End(uint64_t number, const absl::Status& status) {
    MutexLock lock(mutex_);
    if (cancelled_) return;
    Piece& piece = pieces_[number - taken_];
    piece.ended = true;
    piece.status = status;
    changed_.NotifyAll();
  }

  // Waits for the first one. Without any: the end.
  absl::StatusOr<std::string> Take() {
    MutexLock lock(mutex_);
    while (!cancelled_ && !pieces_.empty() && !pieces_.front().ended) changed_.Wait(mutex_);
    if (cancelled_) return absl::CancelledError("nobody wants the rest of the blob");
    if (pieces_.empty()) return std::string();
    if (!pieces_.front().status.ok()) return pieces_.front().status;
    std::string bytes = std::move(pieces_.front().bytes);
    pieces_.pop_front();
    ++taken_;
    return bytes;
  }

  void Cancel() {
    MutexLock lock(mutex_);
    cancelled_ = true;
    pieces_.clear();
    changed_.NotifyAll();
  }

 private:
  struct Piece {
    std::string bytes;
    bool ended = false;
    absl::Status status;
  };

  Mutex mutex_;
  CondVar changed_;
  bool cancelled_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Piece> pieces_ ABSL_GUARDED_BY(mutex_);
  uint64_t taken_ ABSL_GUARDED_BY(mutex_) = 0;
};

class BlobStream::Sink : public RangeSink {
 public:
  Sink(std::shared_ptr<Pieces> pieces, uint64_t number) : pieces_(std::move(pieces)), number_(number) {}

  void OnBytes(absl::Span<const char> bytes) override { pieces_->Append(number_, bytes); }
  void OnDone(const absl::Status& status) override { pieces_->End(number_, status); }

 private:
  const std::shared_ptr<Pieces> pieces_;
  const uint64_t number_;
};

BlobStream::BlobStream(RemoteBlob blob, RangeFetcher& fetcher, const Options& options)
    : blob_(std::move(blob)), fetcher_(fetcher), options_(options), pieces_(std::make_shared<Pieces>()) {}

BlobStream::~BlobStream() {
  Cancel();
}

absl::StatusOr<absl::Span<const char>> BlobStream::Next() {
  current_ = std::string();  // its memory makes room for another piece
  FetchAhead();
  ASSIGN_OR_RETURN(current_, pieces_->Take());
  FetchAhead();  // what comes while the caller works on this one
  return absl::MakeConstSpan(current_);
}

void BlobStream::FetchAhead() {
  while (fetched_ < blob_.size) {
    const std::optional<uint64_t> number = pieces_->Add(options_.ahead);
    if (!number.has_value()) return;
    const ByteRange range{fetched_, std::min(options_.piece_bytes, blob_.size - fetched_)};
    fetched_ = range.end();
    fetcher_.Fetch(blob_, range, options_.priority, blob_.repository.registry->Now() + options_.piece_timeout,
                   std::make_shared<Sink>(pieces_, *number));
  }
}

void BlobStream::Cancel() {
  pieces_->Cancel();
}

}  // namespace lacuna
