// BlobCache's other half: from present to durable, and from complete to verified and finished.
//
//   1. ScheduleCommit     a chunk arrived: commit the map soon, or now if it was the last
//   2. RunCommit          sync the data, write the map
//   3. Verify             the map is complete and durable: hash the blob, a piece per task
//   4. Finish             the digest is right: the object gets its final name
//   Fail                  the disk lost data or the digest is wrong: the object is dropped, nobody gets its
//   bytes
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/blob_cache.h"

namespace lacuna {

void BlobCache::ScheduleCommit() {
  bool complete = false;
  bool arm = false;
  {
    MutexLock lock(mutex_);
    complete = map_->AllPresent();
    arm = !complete && commit_ == CommitState::kIdle;
    if (arm) commit_ = CommitState::kScheduled;
  }
  if (complete) return RunCommit();
  if (arm) ArmCommitTimer();
}

void BlobCache::ArmCommitTimer() {
  // By shared_ptr: what has arrived is not to be fetched again because its last user has gone.
  context_.clock.RunAt(context_.clock.Now() + context_.options.commit_interval, [self = shared_from_this()] {
    self->context_.pool.Submit([self] { self->RunCommit(); });
  });
}

void BlobCache::RunCommit() {
  uint64_t committed = 0;
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok() || commit_ == CommitState::kRunning) return;
    commit_ = CommitState::kRunning;
    committed = map_->present_chunks();
  }
  const absl::Status status = map_->Commit(*data_);
  if (!map_->failure().ok()) return Fail(status);
  AfterCommit(status, committed);
}

void BlobCache::AfterCommit(const absl::Status& status, uint64_t committed) {
  bool complete = false;
  bool verify = false;
  bool more = false;
  {
    MutexLock lock(mutex_);
    complete = map_->AllPresent();
    verify = status.ok() && committed == ChunkCount(size_) && !verifying_;
    verifying_ |= verify;
    more = map_->present_chunks() > committed;
    commit_ = status.ok() && !more ? CommitState::kIdle : CommitState::kScheduled;
    if (status.ok()) in_trouble_ = false;
  }
  if (!status.ok()) {
    return RetryLater(Annotate(status, "the chunk map cannot be written"), &BlobCache::RunCommit);
  }
  if (verify) return Verify(source_->NewVerifier(data_));
  if (!more) return;
  if (complete) return RunCommit();
  ArmCommitTimer();
}

void BlobCache::Verify(const std::shared_ptr<ObjectVerifier>& verifier) {
  if (!refusal().ok()) return;
  const absl::StatusOr<bool> done = verifier->Step();
  if (!done.ok()) return Fail(done.status());
  if (*done) return Finish();
  context_.pool.Submit([self = shared_from_this(), verifier] { self->Verify(verifier); });
}

void BlobCache::Finish() {
  if (!refusal().ok()) return;
  const absl::Status status = context_.store.Finish(key_);
  if (!status.ok()) return RetryLater(Annotate(status, "cannot be finished"), &BlobCache::Finish);
  std::vector<Done> watchers;
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return;
    state_ = State::kFinished;
    watchers.swap(watchers_);
  }
  LogInfo("object ", key_.text(), ": complete, digest checked, ", size_, " bytes");
  for (Done& done : watchers) std::move(done)(absl::OkStatus());
}

void BlobCache::RetryLater(const absl::Status& status, void (BlobCache::*step)()) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = !in_trouble_;
    in_trouble_ = true;
  }
  if (first) LogWarning("object ", key_.text(), ": ", status.message(), "; trying again");
  // By weak_ptr: a disk that stays full must not keep every object that was ever used.
  context_.clock.RunAt(context_.clock.Now() + context_.options.commit_interval,
                       [weak = weak_from_this(), step] {
                         const std::shared_ptr<BlobCache> self = weak.lock();
                         if (self != nullptr) self->context_.pool.Submit([self, step] { (*self.*step)(); });
                       });
}

void BlobCache::Fail(const absl::Status& cause) {
  const absl::Status reason = Annotate(cause, absl::StrCat("object ", key_.text(), " dropped"));
  std::vector<ParkedRead> parked;
  std::vector<Done> watchers;
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return;
    state_ = State::kFailed;
    refusal_ = reason;
    parked = TakeAllReads();
    watchers.swap(watchers_);
  }
  LogError(reason.message());
  ++(IsIntegrityError(reason) ? context_.stats.integrity_failures : context_.stats.disk_failures);
  AnswerAll(std::move(parked), reason);
  DropFiles();
  for (Done& done : watchers) std::move(done)(reason);
}

void BlobCache::WhenFinished(Done done) {
  absl::Status answer;
  {
    MutexLock lock(mutex_);
    answer = refusal_;
    const bool finished = kept_by_kernel() ? map_->AllPresent() : state_ == State::kFinished;
    if (answer.ok() && !finished) {
      watchers_.push_back(std::move(done));
      return;
    }
  }
  std::move(done)(answer);
}

void BlobCache::Close(const absl::Status& status) {
  std::vector<ParkedRead> parked;
  std::vector<Done> watchers;
  {
    MutexLock lock(mutex_);
    if (!refusal_.ok()) return;
    refusal_ = status;
    parked = TakeAllReads();
    watchers.swap(watchers_);
  }
  AnswerAll(std::move(parked), status);
  for (Done& done : watchers) std::move(done)(status);
  if (map_ == nullptr || kept_by_kernel()) return;
  const absl::Status committed = map_->Commit(*data_);
  if (committed.ok()) return;
  LogError("object ", key_.text(), ": last commit: ", committed.message());
  if (!map_->failure().ok()) DropFiles();
}

void BlobCache::DropFiles() {
  const absl::Status status = context_.store.Drop(key_);
  if (!status.ok()) LogError("object ", key_.text(), ": cannot be removed: ", status.message());
}

}  // namespace lacuna
