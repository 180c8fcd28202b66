#include "cachefiles/fuse_objects.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace lacuna {

ObjectId FuseObjects::Publish(const PublishedObject& object) {
  MutexLock lock(mutex_);
  ObjectId& id = names_[object.key.FileName()];
  const auto known = nodes_.find(id);
  if (known != nodes_.end() && known->second.object->file == object.file &&
      known->second.object->size == object.size) {
    ++known->second.published;
    return id;
  }
  id = ObjectId(next_id_++);
  Node& node = nodes_[id];
  node.object = std::make_shared<FuseObject>(FuseObject{id, object.key, object.size, object.file});
  node.published = 1;
  return id;
}

void FuseObjects::Unpublish(ObjectId id) {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  --node->second.published;
  DropIfUnused(node);
}

bool FuseObjects::InUse(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  for (const auto& [id, node] : nodes_) {
    if (node.live() && node.object->key == key) return true;
  }
  return false;
}

FuseObjectRef FuseObjects::Lookup(absl::string_view name) {
  MutexLock lock(mutex_);
  const auto found = names_.find(std::string(name));
  if (found == names_.end()) return nullptr;
  Node& node = nodes_.at(found->second);
  if (node.published == 0) return nullptr;
  ++node.lookups;
  return node.object;
}

bool FuseObjects::Forget(ObjectId id, uint64_t count) {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  if (node == nodes_.end() || node->second.lookups < count) return false;
  node->second.lookups -= count;
  DropIfUnused(node);
  return true;
}

FuseObjectRef FuseObjects::Find(ObjectId id) const {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  return node == nodes_.end() ? nullptr : node->second.object;
}

FuseObjectRef FuseObjects::FindOpen(ObjectId id) const {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  return node == nodes_.end() || node->second.opens == 0 ? nullptr : node->second.object;
}

FuseObjects::Opened FuseObjects::Open(ObjectId id) {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  if (node == nodes_.end() || node->second.published == 0) return {};
  return {node->second.object, node->second.opens++ == 0};
}

absl::StatusOr<bool> FuseObjects::Close(ObjectId id) {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  if (node == nodes_.end() || node->second.opens == 0) {
    return absl::NotFoundError(absl::StrCat("node ", static_cast<uint64_t>(id), " is not open"));
  }
  const bool last = --node->second.opens == 0;
  DropIfUnused(node);
  return last;
}

std::vector<ObjectId> FuseObjects::CloseAll() {
  MutexLock lock(mutex_);
  std::vector<ObjectId> open;
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    if (node->second.opens > 0) open.push_back(node->first);
    node->second.opens = 0;
    node->second.lookups = 0;
    node = DropIfUnused(node);
  }
  return open;
}

FuseObjects::Nodes::iterator FuseObjects::DropIfUnused(Nodes::iterator node) {
  if (node->second.live()) return std::next(node);
  if (const FuseObjectRef object = std::exchange(node->second.object, nullptr)) {
    const auto name = names_.find(object->key.FileName());
    if (name != names_.end() && name->second == node->first) names_.erase(name);
  }
  return node->second.lookups == 0 ? nodes_.erase(node) : std::next(node);
}

}  // namespace lacuna
