// Which door this host gets: made, and proved by mounting a tiny image through it before any real one.
//
// Called once by Daemon at start, on its own thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cachefiles/keeper.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/worker_pool.h"

namespace lacuna {

struct DoorOptions {
  std::string kind = "auto";  // or a door's name
  bool fuse_loop = false;     // a loop device under each mount even where the kernel mounts files directly
  std::string root;           // the cachefiles door keeps its objects in `root`/cachefiles
  std::string run_dir;        // for the fuse door's own names and the self-test's mount point
};

// Whether a predecessor's door is to be taken over.
bool HasDoor(const Keeper& keeper);

// A door that passed the self-test, not yet started. `auto` prefers cachefiles to fuse, which goes through
// loop devices where the kernel has no file-backed EROFS mounts (before 6.12). Where `keeper` has a
// predecessor's door it is that one, whatever the options say: mounts hang on it.
absl::StatusOr<std::unique_ptr<OnDemandDoor>> SelectDoor(const DoorOptions& options, Keeper& keeper,
                                                         WorkerPool& pool);

// Publishes a tiny image at a fresh door, mounts it, reads it back and compares. Unimplemented when the
// kernel cannot mount it.
absl::Status TestDoor(OnDemandDoor& door, const std::string& run_dir);

}  // namespace lacuna
