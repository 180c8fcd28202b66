#include "daemon/snapshotter/snapshot_sweeper.h"

#include <chrono>

#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr std::chrono::milliseconds kLookInterval(100);  // for whether somebody still waits

}  // namespace

SnapshotSweeper::SnapshotSweeper(SnapshotDb& db, const SnapshotFolders& folders)
    : db_(db), folders_(folders), thread_([this] { Run(); }) {}

SnapshotSweeper::~SnapshotSweeper() {
  {
    MutexLock lock(mutex_);
    ending_ = true;
    changed_.NotifyAll();
  }
  thread_.join();
}

void SnapshotSweeper::Sweep(int64_t number) {
  MutexLock lock(mutex_);
  queue_.push_back(number);
  changed_.NotifyAll();
}

absl::Status SnapshotSweeper::Wait(absl::FunctionRef<bool()> cancelled) {
  MutexLock lock(mutex_);
  queue_.insert(queue_.end(), failed_.begin(), failed_.end());
  failed_.clear();
  error_ = absl::OkStatus();
  changed_.NotifyAll();
  while (busy_ || !queue_.empty()) {
    changed_.WaitUntil(mutex_, std::chrono::steady_clock::now() + kLookInterval);
    if (cancelled()) return absl::CancelledError("nobody waits for the files of removed snapshots any more");
  }
  return error_;
}

void SnapshotSweeper::Run() {
  while (true) {
    int64_t number = 0;
    {
      MutexLock lock(mutex_);
      busy_ = false;
      changed_.NotifyAll();
      while (queue_.empty() && !ending_) changed_.Wait(mutex_);
      if (ending_) return;
      number = queue_.front();
      queue_.pop_front();
      busy_ = true;
    }
    const absl::Status removed = Remove(number);
    if (removed.ok()) continue;
    LogWarning("removing the files of a snapshot: ", removed.message());
    MutexLock lock(mutex_);
    failed_.push_back(number);
    error_.Update(removed);
  }
}

absl::Status SnapshotSweeper::Remove(int64_t number) {
  RETURN_IF_ERROR(folders_.Remove(number));
  return db_.ReturnNumber(number);
}

}  // namespace lacuna
