// The objects that the FUSE file system shows, one file each in its root: by name for mounts, by node id for
// the kernel, by handle where it has them open.
//
// An object is *live* while somebody publishes it or the kernel has it open; nothing is held of others. Node
// ids and handles are never used twice. What is open stands in the FuseLog too: a successor finds it there,
// and gives it back its object as soon as that is published anew.
// Callers: FuseDoor and its publications (Publish, Unpublish, InUse, IsOpen) from any thread; FuseSession
// (the rest). Thread-safe.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cachefiles/fuse_log.h"
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
  // `log` outlives the last call.
  explicit FuseObjects(FuseLog& log);

  // Shows `object` under its key's file name, and gives it back to those who have it open since a
  // predecessor's time. The same object published again gets the same id;
  // one with another file takes the name over, and the old one stays readable to those who have it open.
  ObjectId Publish(const PublishedObject& object);
  // Once for each Publish. What is open stays readable.
  void Unpublish(ObjectId id);
  // Published or open: a node that the kernel merely remembers cannot be opened again.
  bool InUse(const ObjectKey& key) const;
  bool IsOpen(const ObjectKey& key) const;

  // What was inherited. Each is given once.
  std::vector<FuseObjectRef> TakeInherited();

  // LOOKUP. Null unless published.
  FuseObjectRef Lookup(absl::string_view name) const;
  // Null unless live.
  FuseObjectRef Find(ObjectId id) const;
  // Null unless the kernel has it open by this handle.
  FuseObjectRef FindOpen(ObjectId id, uint64_t handle) const;

  // OPEN, to be known by `handle` from here on. Null object unless published, or when there is no room in the
  // log.
  struct Opened {
    FuseObjectRef object;
    bool first = false;  // nobody else has it open
  };
  Opened Open(ObjectId id, uint64_t handle);
  // RELEASE. NotFound when it is not open; else whether this was the last.
  absl::StatusOr<bool> Close(ObjectId id, uint64_t handle);
  // The connection is gone, and with it all that the kernel held. Returns what was open.
  std::vector<ObjectId> CloseAll();

 private:
  using Handles = std::set<uint64_t>;
  struct Node {
    FuseObjectRef object;
    uint64_t published = 0;
    Handles handles;
  };
  using Nodes = std::unordered_map<ObjectId, Node>;

  void Inherit(const PublishedObject& object) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // To be called when the node has one user less. Returns the node after it.
  Nodes::iterator DropIfUnused(Nodes::iterator node) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  FuseLog& log_ ABSL_GUARDED_BY(mutex_);
  Nodes nodes_ ABSL_GUARDED_BY(mutex_);                            // live ones
  std::map<std::string, ObjectId> names_ ABSL_GUARDED_BY(mutex_);  // of live nodes
  // Of a predecessor, by name: what the kernel has open and nobody has published again.
  std::map<std::string, std::map<ObjectId, Handles>> orphans_ ABSL_GUARDED_BY(mutex_);
  std::vector<FuseObjectRef> inherited_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
