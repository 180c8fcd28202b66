// All objects the daemon knows: by key for mounts, by the door's id for the kernel. The DoorHandler of the
// daemon.
//
// Thread-safe. OnOpen, OnReady, OnRead and OnClose run on a door's thread and never block; Acquire and
// CloseAll belong to the daemon's own threads.
#pragma once

#include <map>
#include <memory>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"
#include "daemon/blob_cache.h"

namespace lacuna {

// Who keeps an object's bytes: our own folder of backing files, or the kernel's side of the door.
enum class Placement { kStore, kKernel };

class ObjectTable : public DoorHandler {
 public:
  explicit ObjectTable(const BlobCache::Context& context);

  // The object of that key, whose chunks `source` has, opened if this is its first user. It stays open while
  // somebody holds the pointer. Where it lies already it stays: one that is finished in our folder is used
  // from there whatever `placement` says. FailedPrecondition, with the reason, while a failed object of that
  // key is still in use; once nobody holds it the next Acquire starts afresh. May block on the disk.
  absl::StatusOr<std::shared_ptr<BlobCache>> Acquire(const ObjectKey& key,
                                                     std::shared_ptr<const ChunkSource> source,
                                                     Placement placement = Placement::kStore);

  // NotFound unless somebody has acquired the object; the reason when it has failed.
  absl::StatusOr<uint64_t> OnOpen(const OpenedObject& object) override;
  // NotFound, at once, for an id that is not open.
  void OnRead(PendingRead read) override;
  void OnReady(ObjectId id) override;
  void OnClose(ObjectId id) override;

  // Closes every object, and every later Acquire is refused with `status` (an error): nothing stays parked.
  // May block on the disk. Idempotent.
  void CloseAll(const absl::Status& status);

  // All objects in use, for status.
  std::vector<std::shared_ptr<BlobCache>> objects() const;

 private:
  // One per key; `opening` while a thread opens the files, without the lock.
  struct Entry {
    std::weak_ptr<BlobCache> object;
    bool opening = false;
  };

  // What the door has opened under one id.
  struct OpenEntry {
    std::shared_ptr<BlobCache> object;
    std::shared_ptr<KernelFile> file;  // null on a door that gives none
  };

  absl::StatusOr<std::shared_ptr<BlobCache>> Open(const ObjectKey& key,
                                                  std::shared_ptr<const ChunkSource> source,
                                                  Placement placement) const;
  OpenEntry FindOpen(ObjectId id) const;

  const BlobCache::Context context_;

  mutable Mutex mutex_;
  CondVar opened_;
  absl::Status closed_ ABSL_GUARDED_BY(mutex_);  // not OK after CloseAll
  std::map<ObjectKey, Entry> by_key_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<ObjectId, OpenEntry> by_id_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
