// The worker's end of its keeper: what a predecessor left, and what is left to a successor.
//
// Made by the worker's main before there is a second thread. Thread-safe.
#pragma once

#include <atomic>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/keeper.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/control.h"
#include "daemon/keeper/memory.h"
#include "daemon/keeper/message.h"

namespace lacuna {

class KeeperClient : public Keeper {
 public:
  // From the environment that the keeper gives, which is cleaned of it. FailedPrecondition when this process
  // was not started by a keeper.
  static absl::StatusOr<std::unique_ptr<KeeperClient>> Connect();

  pid_t pid() const override { return pid_; }
  std::optional<uint64_t> Find(KeptKind kind) const override;
  UniqueFd Take(KeptKind kind) override;
  std::vector<Object> TakeObjects() override;
  absl::Status Keep(KeptKind kind, int fd, uint64_t number) override;
  void KeepObject(ObjectId id, uint64_t size, absl::string_view name, int fd) override;
  void DropObject(ObjectId id) override;
  Lifeline& lifeline() override { return lifeline_; }
  FuseLog& fuse_log() override { return fuse_log_; }

  // By when the keeper answers for a worker that does not. Before Ready.
  void SetReadDeadline(Duration deadline);
  // Requests are being served.
  absl::Status Ready();

  // Asks the keeper to replace this worker, and itself, by what now lies where they were started from.
  // FailedPrecondition while that is under way.
  absl::Status BeginUpgrade();
  // The last one, also of predecessors'.
  UpgradeInfo LastUpgrade() const;

 private:
  struct Inherited {
    KeptKind kind;
    Object object;  // of other kinds the descriptor, and the number as `size`
  };

  KeeperClient(UniqueFd socket, MappedKeeperMemory memory);
  void TakeInheritance();
  absl::Status Send(const KeeperMessage& message, int fd = -1);

  const pid_t pid_;
  const UniqueFd socket_;
  const MappedKeeperMemory memory_;
  Lifeline lifeline_{memory_->lifeline};
  FuseLog fuse_log_{memory_->fuse_log};
  std::atomic<bool> keeps_objects_ = false;

  mutable Mutex mutex_;
  std::vector<Inherited> inherited_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
