#include "daemon/prefetcher.h"

#include <algorithm>
#include <list>
#include <optional>
#include <utility>

#include "daemon/base/mutex.h"

namespace lacuna {
namespace {

constexpr uint64_t kPieceBytes = 1024 * 1024;

struct Piece {
  std::shared_ptr<BlobCache> object;
  ByteRange range;
};

// One call of Fill(), from its start until `done` is called. Guarded by the queue's lock.
struct FillJob {
  std::vector<std::shared_ptr<BlobCache>> objects;
  Priority priority;
  BlobCache::Done done;
  size_t unfinished;  // objects that have not reported that they are finished
  // Where the next piece begins.
  size_t next_object = 0;
  uint64_t next_offset = 0;

  std::optional<Piece> TakePiece() {
    while (next_object < objects.size() && next_offset >= objects[next_object]->size()) {
      ++next_object;
      next_offset = 0;
    }
    if (next_object == objects.size()) return std::nullopt;
    const std::shared_ptr<BlobCache>& object = objects[next_object];
    const ByteRange range{next_offset, std::min(kPieceBytes, object->size() - next_offset)};
    next_offset = range.end();
    return Piece{object, range};
  }
};

}  // namespace

// Shared by the Prefetcher and the callbacks of what it has started.
class Prefetcher::Queue : public std::enable_shared_from_this<Queue> {
 public:
  explicit Queue(int max_pieces) : max_pieces_(max_pieces) {}

  void Add(const std::shared_ptr<FillJob>& job);
  void Close(const absl::Status& status);

 private:
  struct Start {
    std::shared_ptr<FillJob> job;
    Piece piece;
  };

  // Starts pieces until enough are outstanding.
  void Pump();
  std::optional<Start> NextStart() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnPieceEnd(const std::shared_ptr<FillJob>& job, const absl::Status& status);
  void OnObjectFinished(const std::shared_ptr<FillJob>& job, const absl::Status& status);
  // Ends the job, unless that has been done.
  void End(const std::shared_ptr<FillJob>& job, const absl::Status& status);

  const int max_pieces_;

  Mutex mutex_;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);
  int outstanding_ ABSL_GUARDED_BY(mutex_) = 0;
  bool pumping_ ABSL_GUARDED_BY(mutex_) = false;
  std::list<std::shared_ptr<FillJob>> jobs_ ABSL_GUARDED_BY(mutex_);  // in order of arrival
};

void Prefetcher::Queue::Add(const std::shared_ptr<FillJob>& job) {
  absl::Status closed;
  std::vector<std::shared_ptr<BlobCache>> objects;
  {
    MutexLock lock(mutex_);
    closed = closed_;
    objects = job->objects;
    jobs_.push_back(job);
  }
  if (!closed.ok()) return End(job, closed);
  if (objects.empty()) return End(job, absl::OkStatus());
  for (const std::shared_ptr<BlobCache>& object : objects) {
    object->WhenFinished([queue = shared_from_this(), job](const absl::Status& status) {
      queue->OnObjectFinished(job, status);
    });
  }
  Pump();
}

void Prefetcher::Queue::Pump() {
  {
    MutexLock lock(mutex_);
    // A piece that is present already ends before Prefetch returns: whoever pumps takes it from there,
    // instead of one more call deep in the stack for each MiB.
    if (pumping_) return;
    pumping_ = true;
  }
  while (true) {
    std::optional<Start> start;
    {
      MutexLock lock(mutex_);
      start = NextStart();
      pumping_ = start.has_value();
    }
    if (!start.has_value()) return;
    start->piece.object->Prefetch(start->piece.range, start->job->priority,
                                  [queue = shared_from_this(), job = start->job](const absl::Status& status) {
                                    queue->OnPieceEnd(job, status);
                                  });
  }
}

std::optional<Prefetcher::Queue::Start> Prefetcher::Queue::NextStart() {
  if (outstanding_ >= max_pieces_) return std::nullopt;
  for (const std::shared_ptr<FillJob>& job : jobs_) {
    if (std::optional<Piece> piece = job->TakePiece()) {
      ++outstanding_;
      return Start{job, *std::move(piece)};
    }
  }
  return std::nullopt;
}

void Prefetcher::Queue::OnPieceEnd(const std::shared_ptr<FillJob>& job, const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    --outstanding_;
  }
  if (!status.ok()) End(job, status);
  Pump();
}

void Prefetcher::Queue::OnObjectFinished(const std::shared_ptr<FillJob>& job, const absl::Status& status) {
  bool last = false;
  {
    MutexLock lock(mutex_);
    last = --job->unfinished == 0;
  }
  if (!status.ok() || last) End(job, status);
}

void Prefetcher::Queue::End(const std::shared_ptr<FillJob>& job, const absl::Status& status) {
  BlobCache::Done done;
  std::vector<std::shared_ptr<BlobCache>> objects;
  {
    MutexLock lock(mutex_);
    jobs_.remove(job);
    done = std::exchange(job->done, nullptr);
    // An object that never finishes holds its callback, that the job, and the job must not hold the object.
    objects.swap(job->objects);
  }
  if (done) std::move(done)(status);
}

void Prefetcher::Queue::Close(const absl::Status& status) {
  std::list<std::shared_ptr<FillJob>> jobs;
  {
    MutexLock lock(mutex_);
    if (closed_.ok()) closed_ = status;
    jobs = jobs_;
  }
  for (const std::shared_ptr<FillJob>& job : jobs) End(job, status);
}

Prefetcher::Prefetcher(int max_pieces) : queue_(std::make_shared<Queue>(max_pieces)) {}

Prefetcher::~Prefetcher() {
  Close(absl::CancelledError("the daemon is stopping"));
}

void Prefetcher::Fill(std::vector<std::shared_ptr<BlobCache>> objects, Priority priority,
                      BlobCache::Done done) {
  const size_t unfinished = objects.size();
  queue_->Add(std::make_shared<FillJob>(FillJob{.objects = std::move(objects),
                                                .priority = priority,
                                                .done = std::move(done),
                                                .unfinished = unfinished}));
}

void Prefetcher::Close(const absl::Status& status) {
  queue_->Close(status);
}

}  // namespace lacuna
