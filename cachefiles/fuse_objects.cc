#include "cachefiles/fuse_objects.h"

#include <linux/fuse.h>

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"

namespace lacuna {

FuseObjects::FuseObjects(FuseLog& log) : log_(log) {
  for (uint32_t i = 0; i < log.used_open_files(); ++i) {
    const FuseLog::OpenFile& file = log.open_file(i);
    const uint64_t handle = file.handle.load();
    if (handle != 0) orphans_[std::string(file.object())][ObjectId(file.node)].insert(handle);
  }
}

ObjectId FuseObjects::Publish(const PublishedObject& object) {
  MutexLock lock(mutex_);
  Inherit(object);
  ObjectId& id = names_[object.key.FileName()];
  const auto known = nodes_.find(id);
  if (known != nodes_.end() && known->second.object->file == object.file &&
      known->second.object->size == object.size) {
    ++known->second.published;
    return id;
  }
  id = ObjectId(FUSE_ROOT_ID + log_.NextNode());
  Node& node = nodes_[id];
  node.object = std::make_shared<FuseObject>(FuseObject{id, object.key, object.size, object.file});
  node.published = 1;
  return id;
}

void FuseObjects::Inherit(const PublishedObject& object) {
  const auto orphans = orphans_.find(object.key.FileName());
  if (orphans == orphans_.end()) return;
  for (auto& [id, handles] : orphans->second) {
    Node& node = nodes_[id];
    node.object = std::make_shared<FuseObject>(FuseObject{id, object.key, object.size, object.file});
    node.handles = std::move(handles);
    names_[orphans->first] = id;
    inherited_.push_back(node.object);
  }
  orphans_.erase(orphans);
}

std::vector<FuseObjectRef> FuseObjects::TakeInherited() {
  MutexLock lock(mutex_);
  return std::exchange(inherited_, {});
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
    if (node.object->key == key) return true;
  }
  return false;
}

bool FuseObjects::IsOpen(const ObjectKey& key) const {
  MutexLock lock(mutex_);
  for (const auto& [id, node] : nodes_) {
    if (node.object->key == key && !node.handles.empty()) return true;
  }
  return false;
}

FuseObjectRef FuseObjects::Lookup(absl::string_view name) const {
  MutexLock lock(mutex_);
  const auto found = names_.find(std::string(name));
  if (found == names_.end()) return nullptr;
  const Node& node = nodes_.at(found->second);
  return node.published > 0 ? node.object : nullptr;
}

FuseObjectRef FuseObjects::Find(ObjectId id) const {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  return node == nodes_.end() ? nullptr : node->second.object;
}

FuseObjectRef FuseObjects::FindOpen(ObjectId id, uint64_t handle) const {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  return node == nodes_.end() || !node->second.handles.contains(handle) ? nullptr : node->second.object;
}

FuseObjects::Opened FuseObjects::Open(ObjectId id, uint64_t handle) {
  MutexLock lock(mutex_);
  const auto node = nodes_.find(id);
  const bool published = node != nodes_.end() && node->second.published > 0;
  if (!published) {
    log_.RemoveOpenFile(handle);  // a predecessor may have got as far as that
    return {};
  }
  if (!log_.AddOpenFile(handle, static_cast<uint64_t>(id), node->second.object->key.FileName().c_str())) {
    LogError("the kernel cannot open ", node->second.object->key.text(), ": ", FuseLog::kOpenFiles,
             " objects are open, and more are not provided for");
    return {};
  }
  const bool first = node->second.handles.empty();
  node->second.handles.insert(handle);
  return {node->second.object, first};
}

absl::StatusOr<bool> FuseObjects::Close(ObjectId id, uint64_t handle) {
  MutexLock lock(mutex_);
  log_.RemoveOpenFile(handle);
  const auto node = nodes_.find(id);
  if (node == nodes_.end() || node->second.handles.erase(handle) == 0) {
    return absl::NotFoundError(absl::StrCat("node ", static_cast<uint64_t>(id), " is not open so"));
  }
  const bool last = node->second.handles.empty();
  DropIfUnused(node);
  return last;
}

std::vector<ObjectId> FuseObjects::CloseAll() {
  MutexLock lock(mutex_);
  std::vector<ObjectId> open;
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    const Handles handles = std::exchange(node->second.handles, {});
    for (const uint64_t handle : handles) log_.RemoveOpenFile(handle);
    if (!handles.empty()) open.push_back(node->first);
    node = DropIfUnused(node);
  }
  return open;
}

FuseObjects::Nodes::iterator FuseObjects::DropIfUnused(Nodes::iterator node) {
  if (node->second.published > 0 || !node->second.handles.empty()) return std::next(node);
  const auto name = names_.find(node->second.object->key.FileName());
  if (name != names_.end() && name->second == node->first) names_.erase(name);
  return nodes_.erase(node);
}

}  // namespace lacuna
