// What a worker has of its keeper, the process that outlives it: it leaves its descriptors there, and takes
// over what a predecessor left (DESIGN.md section 6).
//
// A seam: KeeperClient (daemon/keeper_client.h) is the real one, PrivateKeeper (private_keeper.h) stands in
// where nobody is to come after. Callers: the doors, and the daemon for its locks and its socket.
// Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cachefiles/fuse_log.h"
#include "cachefiles/lifeline.h"
#include "cachefiles/object_key.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// What a kept descriptor is. The numbers are of the shared memory's format.
enum class KeptKind : uint32_t {
  kNone = 0,
  kCacheLock = 1,
  kRunLock = 2,
  kControlSocket = 3,
  kFuseDevice = 4,
  kFuseMount = 5,
  kCachefilesDevice = 6,
  kCachefilesObject = 7,  // only of objects that copen has answered (KERNEL.md 1.8)
  kSnapshotterSocket = 8,
};

class Keeper {
 public:
  // An object of the cachefiles door that the kernel has open.
  struct Object {
    ObjectId id;
    uint64_t size = 0;  // bytes, as copen told
    std::string name;   // its cookie key
    UniqueFd fd;
  };

  virtual ~Keeper() = default;

  // The process that others know as lacunad.
  virtual pid_t pid() const = 0;

  // The number that a predecessor left with a descriptor of this kind; nullopt when there is none.
  virtual std::optional<uint64_t> Find(KeptKind kind) const = 0;
  // What a predecessor left; each is given out once. Invalid when there is none.
  virtual UniqueFd Take(KeptKind kind) = 0;
  virtual std::vector<Object> TakeObjects() = 0;

  // From here on the descriptor lives as long as the keeper. One of each kind; a new one replaces the old.
  virtual absl::Status Keep(KeptKind kind, int fd, uint64_t number = 0) = 0;
  // One of each id; nothing happens unless the device is kept. What cannot be kept is logged: the kernel asks
  // a successor for it anew.
  virtual void KeepObject(ObjectId id, uint64_t size, absl::string_view name, int fd) = 0;
  virtual void DropObject(ObjectId id) = 0;

  virtual Lifeline& lifeline() = 0;
  virtual FuseLog& fuse_log() = 0;
};

}  // namespace lacuna
