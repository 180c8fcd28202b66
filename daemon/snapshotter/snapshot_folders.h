// Where the files of snapshots are: ROOT/snapshots/NUMBER/fs and work, the upper and work folders of an
// overlay; RUN/snapshots/NUMBER, where layers are mounted that were never unpacked here.
//
// Caller: Snapshotter. Thread-safe for different numbers. Calls wait for the disk.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "daemon/snapshotter/id_mapping.h"
#include "daemon/snapshotter/snapshot.h"

namespace lacuna {

class SnapshotFolders {
 public:
  // Makes ROOT/snapshots and RUN/snapshots if they are missing.
  static absl::StatusOr<std::unique_ptr<SnapshotFolders>> Open(const std::string& root,
                                                               const std::string& run);

  // Makes a snapshot's folder, whose root is `owner`'s. What is half made stays there after an error.
  absl::Status Make(int64_t number, bool writable, const FileOwner& owner) const;
  // All of it, however deep. OK when there is nothing.
  absl::Status Remove(int64_t number) const;
  // Returns when all that was written into it is on the disk.
  absl::Status Sync(int64_t number) const;
  // Of the upper folder: blocks that are allocated, and files; hard links to one file are one.
  absl::StatusOr<SnapshotUsage> UsageOf(int64_t number) const;

  std::string Upper(int64_t number) const;
  std::string Work(int64_t number) const;
  std::string MountPoint(int64_t number) const;

 private:
  SnapshotFolders(std::string folder, std::string mounts)
      : folder_(std::move(folder)), mounts_(std::move(mounts)) {}

  const std::string folder_;
  const std::string mounts_;
};

}  // namespace lacuna
