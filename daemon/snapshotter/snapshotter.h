// containerd's snapshots, without gRPC: who is whose parent, and what to mount to see them.
//
// A snapshot that was unpacked here is a folder with its part of an overlay. One whose layers can be served
// lazily has no files: the highest such snapshot of a chain shows all that is beneath it, as one EROFS, since
// a chain ID names the content of the whole chain. So a chain is folders, and at most one EROFS below them.
//
// Callers: SnapshotService, on gRPC's threads. Thread-safe; calls wait for the disk, and where layers are
// looked for or mounted for the registry. Errors are what containerd expects of a snapshotter: NotFound,
// AlreadyExists, FailedPrecondition, InvalidArgument; others are failures.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/base/event_log.h"
#include "daemon/snapshotter/lazy_layers.h"
#include "daemon/snapshotter/mount_options.h"
#include "daemon/snapshotter/snapshot.h"
#include "daemon/snapshotter/snapshot_db.h"
#include "daemon/snapshotter/snapshot_folders.h"
#include "daemon/snapshotter/snapshot_sweeper.h"

namespace lacuna {

class Snapshotter {
 public:
  struct NewSnapshot {
    std::string key;
    std::string parent;  // empty: none
    SnapshotLabels labels;
  };
  using Mounts = std::vector<SnapshotMount>;

  struct Options {
    std::string root;  // for snapshots.db and snapshots/
    std::string run;   // for snapshots/, where layers are mounted
    OverlayFeatures features;
  };

  // What a process that died has left half made, or half removed, goes. `layers` and `events` outlive this.
  static absl::StatusOr<std::unique_ptr<Snapshotter>> Open(const Options& options, LazyLayers& layers,
                                                           EventLog& events);

  // An active snapshot. With the label containerd.io/snapshot.ref, and when its layers can be served lazily,
  // a committed one with that label instead, and AlreadyExists: containerd looks for it then, and does not
  // unpack (containerd, docs/snapshotters/remote-snapshotter.md).
  absl::StatusOr<Mounts> Prepare(const NewSnapshot& wanted, const SnapshotCaller& caller);
  absl::StatusOr<Mounts> View(const NewSnapshot& wanted, const SnapshotCaller& caller);
  // Of what is active or a view; FailedPrecondition for others, and when the caller would not see the layers.
  absl::StatusOr<Mounts> MountsOf(const std::string& key, const SnapshotCaller& caller);
  absl::Status Commit(const std::string& key, const std::string& name, const SnapshotLabels& labels,
                      const std::string& parent);
  // Its files go behind the caller's back.
  absl::Status Remove(const std::string& name);
  absl::StatusOr<SnapshotInfo> Stat(const std::string& name);
  // `paths` as in a FieldMask: "labels", "labels.LABEL"; none: all that can change.
  absl::StatusOr<SnapshotInfo> Update(const SnapshotInfo& snapshot, const std::vector<std::string>& paths);
  // Calls `visit` for each that matches one of the filters (snapshot_filter.h), until it returns false.
  absl::Status List(const std::vector<std::string>& filters,
                    absl::FunctionRef<bool(const SnapshotInfo&)> visit);
  absl::StatusOr<SnapshotUsage> Usage(const std::string& name);
  // Returns when nothing of what was removed is left, or `cancelled` says that nobody waits any more.
  absl::Status Cleanup(absl::FunctionRef<bool()> cancelled) { return sweeper_.Wait(cancelled); }

 private:
  using Chain = std::vector<SnapshotRecord>;  // the highest first

  Snapshotter(std::unique_ptr<SnapshotDb> db, std::unique_ptr<SnapshotFolders> folders,
              const OverlayFeatures& features, LazyLayers& layers, EventLog& events);

  // Records a committed snapshot without files. An error says why the layers have to be unpacked.
  absl::Status CommitLazily(const NewSnapshot& wanted, const std::string& chain_id,
                            const SnapshotCaller& caller);
  absl::StatusOr<Mounts> Create(SnapshotKind kind, const NewSnapshot& wanted, const SnapshotCaller& caller);
  absl::Status Add(SnapshotRecord& snapshot, const FileOwner& owner);
  absl::StatusOr<Chain> ParentsOf(const std::string& parent);
  // Of the parents, the highest first; the last may be where layers are mounted.
  absl::StatusOr<std::vector<std::string>> LowersOf(const Chain& parents, const SnapshotCaller& caller);
  Mounts MountsFor(const SnapshotRecord& snapshot, std::vector<std::string> lowers) const;
  // What is left of a number that no snapshot has.
  void Discard(int64_t number);

  const std::unique_ptr<SnapshotDb> db_;
  const std::unique_ptr<SnapshotFolders> folders_;
  const OverlayFeatures features_;
  LazyLayers& layers_;
  EventLog& events_;
  SnapshotSweeper sweeper_;
};

}  // namespace lacuna
