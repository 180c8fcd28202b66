// The objects that the FUSE file system shows, one file each in its root: by name for mounts, by node id for
// the kernel.
//
// An object is *live* while somebody publishes it or the kernel has it open. After that nothing of it is held
// but the count of lookups that the kernel has not forgotten yet. Ids are never used twice.
// Callers: FuseDoor and its publications (Publish, Unpublish, InUse) from any thread; FuseSession (the rest).
// Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"

namespace lacuna {

// What the kernel reads under a node id.
struct FuseObject {
  ObjectId id;
  ObjectKey key;
  uint64_t size = 0;  // bytes
  std::shared_ptr<BackingFile> file;
};
using FuseObjectRef = std::shared_ptr<const FuseObject>;

class FuseObjects {
 public:
  // Shows `object` under its key's file name. The same object published again gets the same id; one with
  // another file takes the name over, and the old one stays readable to those who have it open.
  ObjectId Publish(const PublishedObject& object);
  // Once for each Publish. What is open stays readable.
  void Unpublish(ObjectId id);
  // Published or open: a node that the kernel merely remembers cannot be opened again.
  bool InUse(const ObjectKey& key) const;

  // LOOKUP: the kernel now holds one more reference to the node. Null unless published.
  FuseObjectRef Lookup(absl::string_view name);
  // FORGET. False when the kernel gives back more than it was given.
  bool Forget(ObjectId id, uint64_t count);
  // Null unless live.
  FuseObjectRef Find(ObjectId id) const;
  FuseObjectRef FindOpen(ObjectId id) const;

  // OPEN. Null object unless published.
  struct Opened {
    FuseObjectRef object;
    bool first = false;  // nobody else has it open
  };
  Opened Open(ObjectId id);
  // RELEASE. NotFound when it is not open; else whether this was the last.
  absl::StatusOr<bool> Close(ObjectId id);
  // The connection is gone, and with it all that the kernel held. Returns what was open.
  std::vector<ObjectId> CloseAll();

 private:
  struct Node {
    FuseObjectRef object;  // null when not live
    uint64_t published = 0;
    uint64_t lookups = 0;
    uint64_t opens = 0;
    bool live() const { return published > 0 || opens > 0; }
  };
  using Nodes = std::unordered_map<ObjectId, Node>;
  // To be called when a count of the node fell. Returns the node after it.
  Nodes::iterator DropIfUnused(Nodes::iterator node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 2;  // 1 is the root (FUSE_ROOT_ID)
  Nodes nodes_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, ObjectId> names_ ABSL_GUARDED_BY(mutex_);  // of live nodes
};

}  // namespace lacuna
