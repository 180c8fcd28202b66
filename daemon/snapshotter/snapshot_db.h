// Which snapshots there are: names, parents, labels.
//
// ROOT/snapshots.db, SQLite with synchronous=FULL: what containerd was told survives a power cut. It cannot
// be made anew, so a damaged one is left for a person to look at, and it is copied before each migration.
// ROOT/snapshots.db.reserve is place for it on a disk that others have filled.
//
// A snapshot's files come in three steps: the number of its folder is taken (intent), the folder is made
// (done), the snapshot is added (confirmed). And they go in three: the snapshot is removed, which keeps its
// number (intent), then its folder (done), then the number is returned (confirmed). So at any instant each
// folder is a snapshot's or among the Leftovers.
//
// Caller: Snapshotter. Calls wait for the disk. Thread-safe, by one mutex. Errors are what containerd
// expects: NotFound, AlreadyExists, FailedPrecondition, InvalidArgument; ResourceExhausted when the disk is
// full; DataLoss and Internal of the database.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/disk_reserve.h"
#include "daemon/base/mutex.h"
#include "daemon/base/sqlite.h"
#include "daemon/snapshotter/remote_layers.h"
#include "daemon/snapshotter/snapshot.h"

namespace lacuna {

struct SnapshotRecord {
  int64_t number = 0;  // of its folder; never used twice
  SnapshotInfo info;
  SnapshotUsage usage;                 // of what is committed
  std::optional<RemoteLayers> remote;  // of what is committed and was never unpacked here
};

class SnapshotDb {
 public:
  // Opens, makes or migrates the database. FailedPrecondition, with what to do, when a newer lacuna wrote it;
  // DataLoss when it is damaged; PermissionDenied when it cannot be written.
  static absl::StatusOr<std::unique_ptr<SnapshotDb>> Open(const std::string& path);

  // A number for a folder that is about to be made: one of the Leftovers until a snapshot has it.
  absl::StatusOr<int64_t> TakeNumber();
  // Forgets a number whose folder is gone.
  absl::Status ReturnNumber(int64_t number);
  // The numbers of folders that are no snapshot's, or not yet.
  absl::StatusOr<std::vector<int64_t>> Leftovers();

  // Adds the snapshot under a number that was taken. Of `info` the times are set here. AlreadyExists when
  // there is one of the name; NotFound when there is no such parent; InvalidArgument when that is not
  // committed. Labels without a value are none, here and below.
  absl::Status Add(const SnapshotRecord& snapshot);
  // The active snapshot `key` becomes a committed one called `name`, with these labels only. A `parent` is
  // taken over where it has none. NotFound; AlreadyExists; FailedPrecondition when it is not active;
  // InvalidArgument when it has another parent, or that is not committed.
  absl::Status Commit(absl::string_view key, const std::string& name, const SnapshotLabels& labels,
                      absl::string_view parent, const SnapshotUsage& usage);
  // Its number, which is returned, is one of the Leftovers from now on. NotFound; FailedPrecondition when it
  // is a parent. Works on a full disk, too.
  absl::StatusOr<int64_t> Remove(absl::string_view name);
  // NotFound.
  absl::StatusOr<SnapshotInfo> UpdateLabels(absl::string_view name,
                                            absl::FunctionRef<void(SnapshotLabels&)> change);

  // NotFound.
  absl::StatusOr<SnapshotRecord> Get(absl::string_view name);
  // The snapshot and its ancestors, the lowest last. NotFound.
  absl::StatusOr<std::vector<SnapshotRecord>> Chain(absl::string_view name);
  // By name.
  absl::StatusOr<std::vector<SnapshotRecord>> All();
  // Whether a committed snapshot of this parent (empty: of none) has a label with this value.
  absl::StatusOr<bool> HasCommitted(absl::string_view parent, absl::string_view label,
                                    absl::string_view value);

 private:
  SnapshotDb(SqliteConnection connection, DiskReserve reserve)
      : connection_(std::move(connection)), reserve_(std::move(reserve)) {}

  static absl::StatusOr<SqliteConnection> OpenFile(const std::string& path);
  absl::StatusOr<int64_t> RemoveNow(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<SnapshotRecord> Find(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Settle(int64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckFree(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status CheckParent(absl::string_view name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<SnapshotLabels> LabelsOf(int64_t number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status SetLabels(int64_t number, const SnapshotLabels& labels) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  Mutex mutex_;
  SqliteConnection connection_ ABSL_GUARDED_BY(mutex_);
  DiskReserve reserve_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
