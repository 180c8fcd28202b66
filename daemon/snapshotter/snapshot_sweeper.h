// Removes the folders of snapshots that are gone, behind everybody's back: containerd must not wait for a
// tree of a million files to be deleted.
//
// Caller: Snapshotter. Thread-safe; owns a thread.
#pragma once

#include <cstdint>
#include <deque>
#include <thread>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "daemon/base/mutex.h"
#include "daemon/snapshotter/snapshot_db.h"
#include "daemon/snapshotter/snapshot_folders.h"

namespace lacuna {

class SnapshotSweeper {
 public:
  // Both outlive this.
  SnapshotSweeper(SnapshotDb& db, const SnapshotFolders& folders);
  // What is not removed yet stays among the database's leftovers.
  ~SnapshotSweeper();

  // Removes the folder of a number among the database's leftovers, soon, and returns the number.
  void Sweep(int64_t number);

  // Tries once more what could not be removed, and waits until nothing is left to do; Cancelled when
  // `cancelled` says so before. The error of the first that could not be removed.
  absl::Status Wait(absl::FunctionRef<bool()> cancelled);

 private:
  void Run();
  absl::Status Remove(int64_t number);

  SnapshotDb& db_;
  const SnapshotFolders& folders_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<int64_t> queue_ ABSL_GUARDED_BY(mutex_);
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;  // with a folder that is not in the queue any more
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<int64_t> failed_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);  // of the first that failed
  std::thread thread_;                          // last: it uses the members above
};

}  // namespace lacuna
