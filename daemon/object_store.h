// The cache folder on disk: its lock, its checks, and the files of each object.
//
//   ROOT/lacunad.lock            held with flock while a daemon uses the folder
//   ROOT/objects/FILENAME        a finished object: complete, synced, digest checked
//   ROOT/objects/FILENAME.partial and FILENAME.map   an object that is being filled
//
// Callers: the daemon's own threads and workers, never a door's thread. Thread-safe; one object's files are
// opened once at a time (ObjectTable sees to that).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "cachefiles/chunk_map.h"
#include "cachefiles/object_key.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

struct StoredObject {
  std::shared_ptr<BackingFile> data;
  std::unique_ptr<ChunkMap> map;  // null when the object is finished
};

class ObjectStore {
 public:
  // Makes what is missing and takes the lock. FailedPrecondition, with what to do, when another daemon holds
  // the lock, the folder cannot be written, or its file system cannot hold backing files (overlayfs, tmpfs,
  // btrfs, zfs: DESIGN.md section 5).
  static absl::StatusOr<std::unique_ptr<ObjectStore>> Open(const std::string& root);

  // Opens or makes the files of an object of `size` bytes. A partial object whose map is damaged starts over.
  absl::StatusOr<StoredObject> OpenObject(const ObjectKey& key, uint64_t size);
  // partial -> finished. The caller has committed the map and checked the digest.
  absl::Status Finish(const ObjectKey& key);
  // Removes whatever there is of the object. Open descriptors go on working.
  absl::Status Drop(const ObjectKey& key);
  std::string FinishedPath(const ObjectKey& key) const;

 private:
  explicit ObjectStore(std::string root, UniqueFd lock);
};

}  // namespace lacuna
