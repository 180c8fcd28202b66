#include "daemon/object_table.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// Whether an object that is open already can serve one more user, for whom it has `size` bytes.
absl::Status CheckShareable(const BlobCache& object, uint64_t size) {
  if (object.size() != size) {
    return absl::InvalidArgumentError(absl::StrCat("object ", object.key().text(), " has ", object.size(),
                                                   " bytes in one image and ", size, " in another"));
  }
  const absl::Status refusal = object.refusal();
  if (refusal.ok()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat(refusal.message(), "; unmount what still uses it, then try again"));
}

}  // namespace

ObjectTable::ObjectTable(const BlobCache::Context& context) : context_(context) {}

absl::StatusOr<std::shared_ptr<BlobCache>> ObjectTable::Acquire(const ObjectKey& key,
                                                                std::shared_ptr<const ChunkSource> source,
                                                                Placement placement) {
  {
    MutexLock lock(mutex_);
    while (by_key_[key].opening) opened_.Wait(mutex_);
    if (!closed_.ok()) return closed_;
    if (std::shared_ptr<BlobCache> object = by_key_[key].object.lock()) {
      RETURN_IF_ERROR(CheckShareable(*object, source->object_size()));
      return object;
    }
    by_key_[key].opening = true;
  }
  absl::StatusOr<std::shared_ptr<BlobCache>> object = Open(key, std::move(source), placement);
  absl::Status closed;
  {
    MutexLock lock(mutex_);
    by_key_[key] = {object.ok() ? *object : nullptr, false};
    closed = closed_;
    std::erase_if(by_key_,
                  [](const auto& item) { return !item.second.opening && item.second.object.expired(); });
  }
  opened_.NotifyAll();
  if (closed.ok() || !object.ok()) return object;
  (*object)->Close(closed);
  return closed;
}

absl::StatusOr<std::shared_ptr<BlobCache>> ObjectTable::Open(const ObjectKey& key,
                                                             std::shared_ptr<const ChunkSource> source,
                                                             Placement placement) const {
  const uint64_t size = source->object_size();
  RETURN_IF_ERROR(ChunkMap::CheckObjectSize(size));
  absl::StatusOr<StoredObject> stored = placement == Placement::kStore
                                            ? context_.store.OpenObject(key, size)
                                            : context_.store.OpenFinished(key, size);
  if (placement == Placement::kKernel && absl::IsNotFound(stored.status())) {
    stored = StoredObject::InKernel(size);
  }
  if (!stored.ok()) return stored.status();
  return BlobCache::Create(context_, key, std::move(source), *std::move(stored));
}

absl::StatusOr<uint64_t> ObjectTable::OnOpen(const OpenedObject& object) {
  std::shared_ptr<BlobCache> cache;
  {
    MutexLock lock(mutex_);
    const auto it = by_key_.find(object.key);
    if (it != by_key_.end()) cache = it->second.object.lock();
  }
  if (cache == nullptr)
    return absl::NotFoundError(absl::StrCat("object ", object.key.text(), " is not in use"));
  RETURN_IF_ERROR(cache->refusal());
  if ((object.file != nullptr) != cache->kept_by_kernel()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "object ", object.key.text(), " is kept elsewhere; unmount what uses it, then try again"));
  }
  MutexLock lock(mutex_);
  by_id_[object.id] = {cache, object.file};
  return cache->size();
}

void ObjectTable::OnReady(ObjectId id) {
  const OpenEntry opened = FindOpen(id);
  if (opened.object != nullptr && opened.file != nullptr) opened.object->Attach(opened.file);
}

void ObjectTable::OnRead(PendingRead read) {
  const std::shared_ptr<BlobCache> object = FindOpen(read.object_id()).object;
  if (object != nullptr) return object->OnRead(std::move(read));
  ++context_.stats.errors;
  const absl::Status unknown = absl::NotFoundError(
      absl::StrCat("no open object has the id ", static_cast<uint64_t>(read.object_id())));
  std::move(read).Complete(unknown);
}

void ObjectTable::OnClose(ObjectId id) {
  OpenEntry closed;
  {
    MutexLock lock(mutex_);
    const auto it = by_id_.find(id);
    if (it == by_id_.end()) return;
    closed = std::move(it->second);
    by_id_.erase(it);
  }
  if (closed.file != nullptr) closed.object->Detach(*closed.file);
  // Letting the last pointer go closes files, which may wait for the disk.
  context_.pool.Submit([closed = std::move(closed)] {});
}

void ObjectTable::CloseAll(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    closed_ = status;
  }
  for (const std::shared_ptr<BlobCache>& object : objects()) object->Close(status);
}

std::vector<std::shared_ptr<BlobCache>> ObjectTable::objects() const {
  std::vector<std::shared_ptr<BlobCache>> objects;
  MutexLock lock(mutex_);
  for (const auto& [key, entry] : by_key_) {
    if (std::shared_ptr<BlobCache> object = entry.object.lock()) objects.push_back(std::move(object));
  }
  return objects;
}

ObjectTable::OpenEntry ObjectTable::FindOpen(ObjectId id) const {
  MutexLock lock(mutex_);
  const auto it = by_id_.find(id);
  return it != by_id_.end() ? it->second : OpenEntry();
}

}  // namespace lacuna
