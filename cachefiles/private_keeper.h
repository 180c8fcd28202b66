// A keeper that keeps nothing: for a door that is not to outlive its process, as the self-test's, and for
// tests.
//
// Thread-safe.
#pragma once

#include <unistd.h>

#include <memory>
#include <vector>

#include "cachefiles/keeper.h"

namespace lacuna {

class PrivateKeeper : public Keeper {
 public:
  PrivateKeeper();

  pid_t pid() const override { return getpid(); }
  std::optional<uint64_t> Find(KeptKind) const override { return std::nullopt; }
  UniqueFd Take(KeptKind) override { return {}; }
  std::vector<Object> TakeObjects() override { return {}; }
  absl::Status Keep(KeptKind, int, uint64_t) override { return absl::OkStatus(); }
  void KeepObject(ObjectId, uint64_t, absl::string_view, int) override {}
  void DropObject(ObjectId) override {}
  Lifeline& lifeline() override { return lifeline_; }
  FuseLog& fuse_log() override { return log_; }

 private:
  struct Unmap {
    void operator()(FuseLog::Memory* memory) const;
  };

  Lifeline::Memory lifeline_memory_ = {};
  Lifeline lifeline_{lifeline_memory_};
  const std::unique_ptr<FuseLog::Memory, Unmap> log_memory_;  // mapped: only what is used of it takes memory
  FuseLog log_{*log_memory_};
};

}  // namespace lacuna
