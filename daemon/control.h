// All that the control API can do, callable without gRPC. control_service.cc adapts it to lacuna.control.v1.
//
// Callers: gRPC's threads, lacunad's main thread. Thread-safe; calls may block on the network and on mounts.
// Error codes say what happened: NotFound, FailedPrecondition (busy), Unauthenticated, DeadlineExceeded,
// Cancelled, InvalidArgument, IsIntegrityError(); anything else is a plain failure.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/event_log.h"
#include "registry/fetch_stats.h"

namespace lacuna {

struct MountOptions {
  std::string reference;
  std::string directory;    // absolute
  std::string platform;     // "os/arch[/variant]"; empty: the host's
  bool plain_http = false;  // loopback registries are spoken to without TLS anyway
  std::string credentials;  // "USER[:PASSWORD]"; empty: anonymous
  bool no_index = false;    // use no index that the registry has
};

struct MountInfo {
  std::string directory;
  std::string reference;
  std::string manifest_digest;
  std::string door;
  int64_t since_unix_seconds = 0;
};

struct ImageInfo {
  std::string reference;
  std::string manifest_digest;
  uint64_t size_bytes = 0;
  uint64_t present_bytes = 0;
  uint32_t mounts = 0;
  int64_t last_used_unix_seconds = 0;
};

struct ObjectInfo {
  enum class State { kFilling, kFinished, kFailed };
  enum class Verified {
    kNone,
    kIndex,   // each chunk that is here is what its index says
    kDiffId,  // all of it is what its name says
  };
  std::string key;
  uint64_t size_bytes = 0;
  uint64_t present_bytes = 0;
  State state = State::kFilling;
  Verified verified = Verified::kNone;
  uint32_t mounts = 0;
};

struct DaemonStatus {
  std::string version;
  std::string door;
  std::string root;
  FetchStats fetched;
  uint64_t misses = 0;        // reads that had to wait for a fetch
  uint64_t parked_reads = 0;  // that wait now
  uint64_t errors = 0;        // reads answered with an error
  std::vector<ObjectInfo> objects;
  std::vector<MountInfo> mounts;
};

struct PrefetchProgress {
  uint64_t total_bytes = 0;
  uint64_t present_bytes = 0;
};

// From the running version to the one that is installed; the last time it was asked for.
struct UpgradeInfo {
  enum class State { kNone, kRunning, kDone, kRolledBack };
  uint64_t number = 0;  // counts them
  State state = State::kNone;
  std::string reason;   // of kRolledBack
  std::string version;  // which runs now
};

class Control {
 public:
  virtual ~Control() = default;

  virtual absl::StatusOr<MountInfo> Mount(const MountOptions& options) = 0;
  // `lazy` detaches now, even while files are open; otherwise FailedPrecondition says who holds the mount.
  virtual absl::Status Unmount(absl::string_view directory, bool lazy) = 0;
  // How many were unmounted, or the first error.
  virtual absl::StatusOr<uint32_t> UnmountAll(bool lazy) = 0;
  virtual absl::StatusOr<std::vector<ImageInfo>> ListImages() = 0;
  virtual std::vector<MountInfo> ListMounts() = 0;
  virtual DaemonStatus GetStatus() = 0;
  // Brings all of a known image. With `wait`, calls `on_progress` a few times a second and returns when every
  // object is finished or one has failed; `on_progress` returns false to give up waiting (Cancelled).
  // Without, it is called once.
  virtual absl::Status Prefetch(absl::string_view reference, bool wait,
                                const std::function<bool(const PrefetchProgress&)>& on_progress) = 0;
  // Begins to replace this daemon by the version that is installed; its mounts and their readers go on.
  // Returns at once: a successor tells how it went. FailedPrecondition while one is under way.
  virtual absl::StatusOr<UpgradeInfo> Upgrade() = 0;
  virtual UpgradeInfo LastUpgrade() = 0;
  // As EventLog::Visit.
  virtual void VisitEvents(bool follow, absl::FunctionRef<bool(const Event&)> visit,
                           absl::FunctionRef<bool()> cancelled) = 0;
};

}  // namespace lacuna
