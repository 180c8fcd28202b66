// File systems whose mount point is gone. Files may still be open in them, and a daemon that takes over has
// to go on serving those: so each keeps its record until the door has none of its objects open.
//
// Callers: ErofsFileSystem as it ends, ErofsMounts. Thread-safe; calls may wait for the disk.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "cachefiles/on_demand_door.h"
#include "daemon/base/mutex.h"
#include "daemon/cache_db.h"

namespace lacuna {

class DetachedFileSystems {
 public:
  // Both outlive this.
  DetachedFileSystems(CacheDb& db, const OnDemandDoor& door) : db_(db), door_(door) {}

  // `keys`: of its objects.
  void Add(const std::string& mount_point, std::vector<ObjectKey> keys);
  // Forgets the records of those that nobody uses any more. What cannot be forgotten now is tried again by
  // the next call.
  void Sweep();

 private:
  CacheDb& db_;
  const OnDemandDoor& door_;

  Mutex mutex_;
  std::map<std::string, std::vector<ObjectKey>> keys_ ABSL_GUARDED_BY(mutex_);  // by mount point
};

}  // namespace lacuna
