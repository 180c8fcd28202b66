// LazyLayers of folders: what a layer shows is bind-mounted.
#pragma once

#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>

#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "daemon/snapshotter/lazy_layers.h"

namespace lacuna {

class FakeLazyLayers : public LazyLayers {
 public:
  ~FakeLazyLayers() override {
    for (const auto& [directory, folder] : mounted_) umount2(directory.c_str(), MNT_DETACH);
  }

  // From now on this chain is found, and `folder` is what it shows.
  void Offer(const std::string& chain_id, const std::string& folder) {
    MutexLock lock(mutex_);
    offered_[chain_id] = folder;
  }
  // From now on no mount succeeds; OK: each does.
  void FailMounts(const absl::Status& status) {
    MutexLock lock(mutex_);
    mount_status_ = status;
  }
  size_t mounted() {
    MutexLock lock(mutex_);
    return mounted_.size();
  }
  int found() {
    MutexLock lock(mutex_);
    return found_;
  }
  SnapshotCaller last_caller() {
    MutexLock lock(mutex_);
    return last_caller_;
  }

  absl::StatusOr<RemoteLayers> Find(const std::string& chain_id, const SnapshotLabels&,
                                    const SnapshotCaller& caller) override {
    MutexLock lock(mutex_);
    ++found_;
    last_caller_ = caller;
    if (!offered_.contains(chain_id)) return absl::UnavailableError("the registry does not answer");
    return RemoteLayers{.reference = chain_id,
                        .manifest_digest = Digest::Of("manifest"),
                        .count = 1,
                        .whole = true,
                        .highest = Digest::Of(chain_id)};
  }

  absl::Status Mount(const RemoteLayers& layers, const std::string& directory,
                     const SnapshotCaller&) override {
    MutexLock lock(mutex_);
    if (!mount_status_.ok()) return mount_status_;
    if (mounted_.contains(directory)) return absl::OkStatus();
    std::filesystem::create_directories(directory);
    const std::string& folder = offered_[layers.reference];
    if (mount(folder.c_str(), directory.c_str(), nullptr, MS_BIND, nullptr) != 0) {
      return ErrnoStatus(errno, directory);
    }
    mounted_[directory] = folder;
    return absl::OkStatus();
  }

  absl::Status Unmount(const std::string& directory) override {
    MutexLock lock(mutex_);
    if (mounted_.erase(directory) > 0) umount2(directory.c_str(), MNT_DETACH);
    rmdir(directory.c_str());
    return absl::OkStatus();
  }

  SnapshotUsage UsageOf(const RemoteLayers&) override { return {.bytes = 4096, .inodes = 1}; }

 private:
  Mutex mutex_;
  absl::Status mount_status_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, std::string> offered_ ABSL_GUARDED_BY(mutex_);  // folders by chain ID
  std::map<std::string, std::string> mounted_ ABSL_GUARDED_BY(mutex_);  // folders by directory
  int found_ ABSL_GUARDED_BY(mutex_) = 0;                               // how often somebody looked
  SnapshotCaller last_caller_ ABSL_GUARDED_BY(mutex_);                  // who did
};

}  // namespace lacuna
