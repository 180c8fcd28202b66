#include "cachefiles/cachefiles_objects.h"

#include <iterator>
#include <utility>

namespace lacuna {
namespace {

constexpr std::chrono::minutes kRememberClosed(1);

}  // namespace

void CachefilesObjects::Publish(const PublishedObject& object) {
  MutexLock lock(mutex_);
  Publication& publication = published_[object.key.FileName()];
  publication.object = object;
  ++publication.count;
}

void CachefilesObjects::Unpublish(const ObjectKey& key) {
  MutexLock lock(mutex_);
  const auto publication = published_.find(key.FileName());
  if (--publication->second.count == 0) published_.erase(publication);
}

std::optional<PublishedObject> CachefilesObjects::FindPublished(absl::string_view cookie_key) const {
  MutexLock lock(mutex_);
  const auto publication = published_.find(std::string(cookie_key));
  if (publication == published_.end()) return std::nullopt;
  return publication->second.object;
}

bool CachefilesObjects::Add(CachefilesObjectRef object) {
  MutexLock lock(mutex_);
  const ObjectId id = object->id;
  return open_.emplace(id, std::move(object)).second;
}

CachefilesObjectRef CachefilesObjects::Find(ObjectId id) const {
  MutexLock lock(mutex_);
  const auto object = open_.find(id);
  return object == open_.end() ? nullptr : object->second;
}

CachefilesObjectRef CachefilesObjects::Remove(ObjectId id) {
  MutexLock lock(mutex_);
  const auto found = open_.find(id);
  return found == open_.end() ? nullptr : Take(found);
}

std::vector<CachefilesObjectRef> CachefilesObjects::RemoveStale(ObjectId id, const ObjectKey& key) {
  MutexLock lock(mutex_);
  std::vector<CachefilesObjectRef> stale;
  for (auto object = open_.begin(); object != open_.end();) {
    const auto next = std::next(object);
    if (object->first == id || object->second->published.key == key) stale.push_back(Take(object));
    object = next;
  }
  return stale;
}

CachefilesObjectRef CachefilesObjects::Take(OpenObjects::iterator found) {
  CachefilesObjectRef object = std::move(found->second);
  open_.erase(found);
  const auto now = std::chrono::steady_clock::now();
  std::erase_if(closed_, [&](const auto& entry) { return entry.second < now - kRememberClosed; });
  closed_[object->published.key] = now;
  return object;
}

std::vector<CachefilesObjectRef> CachefilesObjects::RemoveAll() {
  MutexLock lock(mutex_);
  std::vector<CachefilesObjectRef> objects;
  for (auto& [id, object] : std::exchange(open_, {})) objects.push_back(std::move(object));
  return objects;
}

bool CachefilesObjects::InUse(const ObjectKey& key) const {
  {
    MutexLock lock(mutex_);
    if (published_.contains(key.FileName())) return true;
  }
  return IsOpen(key);
}

bool CachefilesObjects::IsOpen(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  for (const auto& [id, object] : open_) {
    if (object->published.key == key) return true;
  }
  return false;
}

bool CachefilesObjects::ClosedSince(const ObjectKey& key, std::chrono::steady_clock::time_point time) const {
  MutexLock lock(mutex_);
  const auto closed = closed_.find(key);
  return closed != closed_.end() && closed->second >= time;
}

}  // namespace lacuna
