// Mounts again, in the background, what was mounted when a daemon died and took the kernel's mounts with it.
//
// Caller: Daemon. One thread while there is something to do; it waits for the disk, and for a registry where
// something is missing. Thread-safe after Start.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "daemon/cache_db.h"

namespace lacuna {

class Remounter {
 public:
  // Mounts what the record describes at the directory, by what is known here.
  using MountAgain = std::function<absl::Status(const FileSystemRecord&, const std::string& directory)>;

  // `db` outlives this.
  Remounter(CacheDb& db, MountAgain mount_again);
  ~Remounter();

  // Takes what is recorded of this boot, and forgets the rest. Once. Nothing of it is mounted, and each
  // failure to mount it is a line in the log: it is not tried again.
  absl::Status Start(const std::string& boot_id);
  // Begins no other mount, and forgets what it did not come to.
  void Cancel() { cancelled_ = true; }
  // Cancels, and waits for the mount under way. Idempotent; not from two threads at once.
  void Stop();

 private:
  struct Job {
    FileSystemRecord file_system;
    std::vector<MountRecord> mounts;
  };
  void Run(const std::vector<Job>& jobs);
  void Mount(const Job& job);

  CacheDb& db_;
  const MountAgain mount_again_;
  std::atomic<bool> cancelled_ = false;
  std::thread thread_;
};

}  // namespace lacuna
