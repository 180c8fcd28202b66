// A Control without a daemon: keeps mounts in a list, and does what the reference says.
//
//   registry.example/fail/REASON   fails with that kind of error
//   registry.example/slow          Mount waits until Release()
//   registry.example/endless       Prefetch reports progress until its caller gives up
//   anything else                  works; Prefetch reports four steps of 1 MiB
// Thread-safe.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/mutex.h"
#include "daemon/base/status.h"
#include "daemon/control.h"

namespace lacuna {

class FakeControl : public Control {
 public:
  static constexpr char kPrefix[] = "registry.example/";
  static constexpr int64_t kSince = 1767225600;  // 2026-01-01T00:00:00Z
  static constexpr uint64_t kMiB = 1 << 20;

  static std::string DigestText() { return absl::StrCat("sha256:", std::string(64, 'a')); }

  absl::StatusOr<MountInfo> Mount(const MountOptions& options) override {
    RETURN_IF_ERROR(FailureNamedBy(options.reference));
    MutexLock lock(mutex_);
    last_mount_ = options;
    ++mount_calls_;
    changed_.NotifyAll();
    while (options.reference == "registry.example/slow" && !released_) changed_.Wait(mutex_);
    mounts_[options.directory] = {.directory = options.directory,
                                  .reference = options.reference,
                                  .manifest_digest = DigestText(),
                                  .door = "fuse",
                                  .since_unix_seconds = kSince};
    events_.Add("mounted", options.directory, options.reference);
    return mounts_[options.directory];
  }

  absl::Status Unmount(absl::string_view directory, bool lazy) override {
    MutexLock lock(mutex_);
    const auto it = mounts_.find(std::string(directory));
    if (it == mounts_.end()) return absl::NotFoundError(absl::StrCat(directory, " is not a mount of lacuna"));
    if (busy_ && !lazy) return absl::FailedPreconditionError("in use by cat (1234)");
    mounts_.erase(it);
    ++unmounts_;
    changed_.NotifyAll();
    return absl::OkStatus();
  }

  absl::StatusOr<uint32_t> UnmountAll(bool) override {
    MutexLock lock(mutex_);
    const auto unmounted = static_cast<uint32_t>(mounts_.size());
    mounts_.clear();
    return unmounted;
  }

  absl::StatusOr<std::vector<ImageInfo>> ListImages() override {
    return std::vector<ImageInfo>{
        {.reference = "registry.example/demo:latest",
         .manifest_digest = DigestText(),
         .size_bytes = 64 * kMiB,
         .present_bytes = kMiB + kMiB / 2,
         .mounts = 2,
         .last_used_unix_seconds = kSince},
        {.reference = "registry.example/unused:1", .manifest_digest = DigestText(), .size_bytes = 4096}};
  }

  std::vector<MountInfo> ListMounts() override {
    MutexLock lock(mutex_);
    std::vector<MountInfo> mounts;
    for (const auto& [directory, mount] : mounts_) mounts.push_back(mount);
    return mounts;
  }

  DaemonStatus GetStatus() override {
    DaemonStatus status{.version = "0.1.0", .door = "fuse", .root = "/var/lib/lacuna"};
    status.fetched = {.demand_bytes = 5 * kMiB,
                      .prefetch_bytes = 3 * kMiB,
                      .fill_bytes = 1,
                      .requests_by_code = {{0, 2}, {206, 40}}};
    status.misses = 17;
    status.parked_reads = 3;
    status.errors = 1;
    using State = ObjectInfo::State;
    using Verified = ObjectInfo::Verified;
    status.objects = {{absl::StrCat("v1/", DigestText()), 8192, 4096, State::kFilling, Verified::kNone, 2},
                      {"v1/sha256:finished", 4096, 4096, State::kFinished, Verified::kDiffId, 1},
                      {"v1/sha256:failed", 4096, 0, State::kFailed, Verified::kIndex, 0}};
    status.mounts = ListMounts();
    return status;
  }

  absl::Status Prefetch(absl::string_view reference, bool wait,
                        const std::function<bool(const PrefetchProgress&)>& on_progress) override {
    RETURN_IF_ERROR(FailureNamedBy(reference));
    const bool endless = reference == "registry.example/endless";
    for (uint64_t step = 0; endless || step <= 4; ++step) {
      if (!on_progress({.total_bytes = 4 * kMiB, .present_bytes = std::min<uint64_t>(step, 4) * kMiB})) {
        MutexLock lock(mutex_);
        ++given_up_;
        changed_.NotifyAll();
        return absl::CancelledError("nobody waits any more");
      }
      if (!wait) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return absl::OkStatus();
  }

  // Over when it is looked at for the second time: done, or while busy rolled back.
  absl::StatusOr<UpgradeInfo> Upgrade() override {
    MutexLock lock(mutex_);
    upgrade_ = {.number = upgrade_.number + 1, .state = UpgradeInfo::State::kRunning, .version = "0.1.0"};
    return upgrade_;
  }
  UpgradeInfo LastUpgrade() override {
    MutexLock lock(mutex_);
    const UpgradeInfo now = upgrade_;
    upgrade_.state = busy_ ? UpgradeInfo::State::kRolledBack : UpgradeInfo::State::kDone;
    upgrade_.reason = busy_ ? "the new lacunad-worker ended with status 1" : "";
    upgrade_.version = busy_ ? "0.1.0" : "0.2.0";
    return now;
  }

  void VisitEvents(bool follow, absl::FunctionRef<bool(const Event&)> visit,
                   absl::FunctionRef<bool()> cancelled) override {
    events_.Visit(follow, visit, cancelled);
  }

  void set_busy(bool busy) {
    MutexLock lock(mutex_);
    busy_ = busy;
  }
  // Lets slow mounts go on.
  void Release() {
    MutexLock lock(mutex_);
    released_ = true;
    changed_.NotifyAll();
  }
  MountOptions last_mount() const {
    MutexLock lock(mutex_);
    return last_mount_;
  }
  void WaitForMountCalls(int calls) {
    MutexLock lock(mutex_);
    while (mount_calls_ < calls) changed_.Wait(mutex_);
  }
  // Until a prefetch has noticed that its client went away.
  void WaitForGivenUp() {
    MutexLock lock(mutex_);
    while (given_up_ == 0) changed_.Wait(mutex_);
  }
  void WaitForUnmounts(int unmounts) {
    MutexLock lock(mutex_);
    while (unmounts_ < unmounts) changed_.Wait(mutex_);
  }

 private:
  static absl::Status FailureNamedBy(absl::string_view reference) {
    if (!absl::ConsumePrefix(&reference, "registry.example/fail/")) return absl::OkStatus();
    const std::string text = absl::StrCat("the ", reference, " text; what to try");
    if (reference == "notfound") return absl::NotFoundError(text);
    if (reference == "busy") return absl::FailedPreconditionError(text);
    if (reference == "authentication") return absl::UnauthenticatedError(text);
    if (reference == "integrity") return IntegrityError(text);
    if (reference == "timeout") return absl::DeadlineExceededError(text);
    if (reference == "unavailable") return absl::UnavailableError(text);
    if (reference == "cancelled") return absl::CancelledError(text);
    if (reference == "hostile") return absl::InternalError("the registry said \x1b[31m\nred");
    if (reference == "long") return absl::InternalError(std::string(100000, '\xff'));
    return absl::InternalError(text);
  }

  EventLog events_;
  mutable Mutex mutex_;
  CondVar changed_;
  std::map<std::string, MountInfo> mounts_ ABSL_GUARDED_BY(mutex_);
  MountOptions last_mount_ ABSL_GUARDED_BY(mutex_);
  int mount_calls_ ABSL_GUARDED_BY(mutex_) = 0;
  int unmounts_ ABSL_GUARDED_BY(mutex_) = 0;
  int given_up_ ABSL_GUARDED_BY(mutex_) = 0;
  bool busy_ ABSL_GUARDED_BY(mutex_) = false;
  UpgradeInfo upgrade_ ABSL_GUARDED_BY(mutex_);
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace lacuna
