// The cache folder on disk: its lock, its checks, and the files of each object.
//
//   ROOT/lacunad.lock            held with flock while a daemon uses the folder (cache_lock.h)
//   ROOT/objects/FILENAME        a finished object: complete, synced, digest checked
//   ROOT/objects/FILENAME.partial and FILENAME.map   an object that is being filled
//
// Nothing is reserved: a full disk shows as ResourceExhausted when a chunk is written. A map is never left
// beside a backing file it was not made for: it is made after the file and removed, for good, before it.
//
// Callers: the daemon's own threads and workers, never a door's thread. Thread-safe; one object's files are
// opened once at a time (ObjectTable sees to that).
#pragma once

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "cachefiles/chunk_map.h"
#include "cachefiles/object_key.h"
#include "daemon/base/unique_fd.h"
#include "daemon/kernel_object.h"
#include "registry/pending_file.h"

namespace lacuna {

struct StoredObject {
  std::shared_ptr<BackingFile> data;
  std::unique_ptr<ChunkMap> map;  // null when the object is finished
  // Set when the kernel keeps the bytes, not this folder: `data` again.
  std::shared_ptr<KernelObject> kernel;

  // An object of `size` bytes, at most ChunkMap::kMaxObjectSize, that the kernel keeps.
  static StoredObject InKernel(uint64_t size);
};

// An object as List() finds it on the disk, open or not.
struct StoredInfo {
  std::string file_name;  // ObjectKey::FileName()
  bool finished = false;
  uint64_t size = 0;        // of the object, in bytes
  uint64_t disk_bytes = 0;  // that its backing file takes
};

// What the folder is locked with: a lock that a predecessor left, or else a new one in the name of a process,
// which an error names to others.
struct CacheLock {
  UniqueFd held = {};
  pid_t pid = getpid();
};

class ObjectStore {
 public:
  // Makes what is missing and takes the lock. FailedPrecondition, with what to do, when another daemon holds
  // the lock, the folder cannot be written, or its file system cannot hold backing files (overlayfs, tmpfs,
  // btrfs, zfs: DESIGN.md section 5).
  static absl::StatusOr<std::unique_ptr<ObjectStore>> Open(const std::string& root, CacheLock lock = {});
  int lock_fd() const { return lock_.get(); }

  // Opens or makes the files of an object of `size` bytes. One of another size, or whose map is damaged,
  // starts over. InvalidArgument when `size` is above ChunkMap::kMaxObjectSize.
  absl::StatusOr<StoredObject> OpenObject(const ObjectKey& key, uint64_t size);
  // As OpenObject, but NotFound unless the object is here and finished.
  absl::StatusOr<StoredObject> OpenFinished(const ObjectKey& key, uint64_t size);
  // A new object, to be written from its begin to its end.
  absl::StatusOr<PendingFile> NewObject() const;
  // It is whole, and right: it becomes the finished object of that key, for good when it returns OK.
  absl::Status Keep(PendingFile& object, const ObjectKey& key);
  // partial -> finished, for good when it returns OK. The caller has committed the map and checked the
  // digest. May be called again after an error.
  absl::Status Finish(const ObjectKey& key);
  // Removes whatever there is of the object, for good when it returns OK. Open descriptors go on working.
  absl::Status Drop(const ObjectKey& key);

  std::string FinishedPath(const ObjectKey& key) const;
  bool IsFinished(const ObjectKey& key) const;
  // That the backing file of an object takes; 0 when there is none.
  uint64_t DiskBytesOf(const ObjectKey& key) const;
  // All objects in the folder, by file name. What cannot be read is logged and left out.
  std::vector<StoredInfo> List() const;

 private:
  ObjectStore(std::string root, UniqueFd lock, UniqueFd objects_dir);

  std::string PartialPath(const ObjectKey& key) const;
  std::string MapPath(const ObjectKey& key) const;
  absl::StatusOr<StoredObject> OpenPartial(const ObjectKey& key, uint64_t size);
  absl::StatusOr<StoredObject> StartOver(const ObjectKey& key, uint64_t size);
  absl::Status SyncDirectory() const;

  // All constant after Open.
  const std::string objects_path_;
  const UniqueFd lock_;
  const UniqueFd objects_dir_;
};

}  // namespace lacuna
