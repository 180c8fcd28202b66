// The memory that keeper and worker share: what is kept, what is owed, and the sign of life. A file in memory
// (memfd_create(2)), mapped by both; it and every kept descriptor pass to a worker by inheritance, under the
// same number.
//
// Format version 1: a fixed layout, all zero but for the header and the lock at first. Callers: the keeper,
// which alone writes the table of what is kept, and KeeperClient in the worker.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cachefiles/fuse_log.h"
#include "cachefiles/keeper.h"
#include "cachefiles/lifeline.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// A descriptor in the keeper's hand.
struct KeptEntry {
  std::atomic<KeptKind> kind;  // kNone: free
  int32_t fd;
  uint64_t id;                 // of a cachefiles object, as `size` and `name`
  uint64_t size;               // of others: a number of the worker's
  std::array<char, 256> name;  // NUL-terminated
};

// How the last upgrade went; written by the keeper, its state last.
enum class UpgradeState : uint32_t { kNone = 0, kRunning = 1, kDone = 2, kRolledBack = 3 };
struct UpgradeRecord {
  std::atomic<uint64_t> number;  // counts them
  std::atomic<UpgradeState> state;
  std::array<char, 256> reason;  // of kRolledBack; NUL-terminated
};

// What a keeper that executes another program in its place leaves to that.
struct HandOver {
  int32_t worker_pid;
  int32_t worker_socket;
  int32_t worker_program;
  int32_t worker_ready;
};

struct KeeperMemory {
  static constexpr uint32_t kVersion = 1;
  static constexpr uint32_t kEntries = 4096;

  struct Header {
    std::array<char, 8> magic;
    uint32_t version;
    uint32_t checksum;  // over this header, itself 0
    uint64_t size;      // of the whole
    uint64_t log_size;  // of FuseLog::Memory
  };

  Header header;
  std::atomic<int64_t> read_deadline;  // nanoseconds, as the worker's configuration has it; 0: not known yet
  Lifeline::Memory lifeline;
  UpgradeRecord upgrade;
  HandOver hand_over;
  std::array<KeptEntry, kEntries> kept;
  FuseLog::Memory fuse_log;
};

// Unmaps it.
struct UnmapKeeperMemory {
  void operator()(KeeperMemory* memory) const;
};
using MappedKeeperMemory = std::unique_ptr<KeeperMemory, UnmapKeeperMemory>;

// The file, not inherited by anybody as it is, with its header and its lock in place.
absl::StatusOr<UniqueFd> MakeKeeperMemory();
// DataLoss for what is no such memory, Unimplemented for another version's.
absl::StatusOr<MappedKeeperMemory> MapKeeperMemory(int fd);

}  // namespace lacuna
