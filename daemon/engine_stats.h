// What the engine counts over all objects, as `lacunactl status` shows it.
//
// One per daemon, shared by every object. Thread-safe; counters only grow.
#pragma once

#include <atomic>
#include <cstdint>

namespace lacuna {

struct EngineStats {
  std::atomic<uint64_t> misses = 0;              // reads that had to wait for a fetch
  std::atomic<uint64_t> errors = 0;              // reads answered with an error
  std::atomic<uint64_t> integrity_failures = 0;  // objects dropped: not the bytes their digest names
  std::atomic<uint64_t> disk_failures = 0;       // objects dropped: the disk lost what it had accepted
};

}  // namespace lacuna
