// A snapshot as containerd knows it: the words of its API, as values.
// Source: containerd, api/services/snapshots/v1 and docs of its package snapshots.
//
// Values; safe to use from any thread.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace lacuna {

// The numbers are the wire's.
enum class SnapshotKind : int {
  kView = 1,       // read-only, never committed
  kActive = 2,     // being written
  kCommitted = 3,  // constant; what others have as parent
};

using SnapshotLabels = std::map<std::string, std::string>;

struct SnapshotInfo {
  std::string name;    // containerd calls it the key while it is not committed
  std::string parent;  // a name; empty: none
  SnapshotKind kind = SnapshotKind::kActive;
  int64_t created_unix_nanoseconds = 0;
  int64_t updated_unix_nanoseconds = 0;
  SnapshotLabels labels;
  friend bool operator==(const SnapshotInfo&, const SnapshotInfo&) = default;
};

// On the disk, of the snapshot itself without its parents.
struct SnapshotUsage {
  int64_t bytes = 0;
  int64_t inodes = 0;
  friend bool operator==(const SnapshotUsage&, const SnapshotUsage&) = default;
};

// What somebody passes to mount(2) to see a snapshot; options as in fstab.
struct SnapshotMount {
  std::string type;
  std::string source;
  std::vector<std::string> options;
  friend bool operator==(const SnapshotMount&, const SnapshotMount&) = default;
};

// Who wants something of the snapshotter.
struct SnapshotCaller {
  std::string containerd_namespace;  // containerd's own kind of namespace
  pid_t process = 0;                 // that is to see what is mounted; 0: not known
};

}  // namespace lacuna
