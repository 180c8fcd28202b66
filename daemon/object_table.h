// All objects the daemon knows: by key for mounts, by the door's id for the kernel. The DoorHandler of the
// daemon.
//
// Thread-safe. OnOpen, OnRead and OnClose run on a door's thread and never block.
#pragma once

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/blob_cache.h"

namespace lacuna {

class ObjectTable : public DoorHandler {
 public:
  explicit ObjectTable(BlobCache::Context context);

  // The object of `blob`, opened if this is its first user. It stays open while somebody holds the pointer.
  // May block on the disk.
  absl::StatusOr<std::shared_ptr<BlobCache>> Acquire(const RemoteBlob& blob);

  absl::StatusOr<uint64_t> OnOpen(const OpenedObject& object) override;
  void OnRead(PendingRead read) override;
  void OnClose(ObjectId id) override;

  // Closes every object: nothing stays parked.
  void CloseAll(const absl::Status& status);
};

}  // namespace lacuna
