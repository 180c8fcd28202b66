// What the cachefiles door has published, by cookie key, and what the kernel has open of it, by object id.
//
// Callers: CachefilesDoor and its publications (Publish, Unpublish, InUse, ClosedSince) from any thread;
// CachefilesRequests (the rest). Thread-safe.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/strings/string_view.h"
#include "cachefiles/cachefiles_file.h"
#include "cachefiles/on_demand_door.h"
#include "cachefiles/shared_fd.h"
#include "daemon/base/mutex.h"

namespace lacuna {

// One OPEN of the kernel's, until its CLOSE.
struct CachefilesObject {
  CachefilesObject(ObjectId object_id, PublishedObject what, UniqueFd descriptor)
      : id(object_id),
        published(std::move(what)),
        fd(std::make_shared<SharedFd>(std::move(descriptor))),
        file(std::make_shared<CachefilesFile>(fd)) {}

  // Whether the door fills it by itself, and the engine never hears of it.
  bool local() const { return published.file != nullptr; }

  const ObjectId id;
  const PublishedObject published;
  const std::shared_ptr<SharedFd> fd;
  const std::shared_ptr<CachefilesFile> file;
};
using CachefilesObjectRef = std::shared_ptr<const CachefilesObject>;

class CachefilesObjects {
 public:
  // Under its key's file name, once more each time; the newest description counts.
  void Publish(const PublishedObject& object);
  // Once for each Publish. What is open stays open.
  void Unpublish(const ObjectKey& key);
  std::optional<PublishedObject> FindPublished(absl::string_view cookie_key) const;

  // False when the id is taken.
  bool Add(CachefilesObjectRef object);
  // Null when there is none.
  CachefilesObjectRef Find(ObjectId id) const;
  CachefilesObjectRef Remove(ObjectId id);
  // What has this id or this key: an OPEN of both makes it stale.
  std::vector<CachefilesObjectRef> RemoveStale(ObjectId id, const ObjectKey& key);
  std::vector<CachefilesObjectRef> RemoveAll();

  // Published or open.
  bool InUse(const ObjectKey& key) const;
  bool IsOpen(const ObjectKey& key) const;
  // Whether it was removed at `time` or later. Only the last minute is remembered.
  bool ClosedSince(const ObjectKey& key, std::chrono::steady_clock::time_point time) const;

 private:
  struct Publication {
    PublishedObject object;
    uint64_t count = 0;
  };

  using OpenObjects = std::unordered_map<ObjectId, CachefilesObjectRef>;
  CachefilesObjectRef Take(OpenObjects::iterator found) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable Mutex mutex_;
  std::map<std::string, Publication, std::less<>> published_ ABSL_GUARDED_BY(mutex_);
  OpenObjects open_ ABSL_GUARDED_BY(mutex_);
  std::map<ObjectKey, std::chrono::steady_clock::time_point> closed_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
