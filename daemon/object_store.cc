#include "daemon/object_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cachefiles/posix_backing_file.h"
#include "cachefiles/watched_backing_file.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/cache_lock.h"
#include "daemon/file_system_check.h"

namespace lacuna {
namespace {

constexpr absl::string_view kPartialSuffix = ".partial";
constexpr absl::string_view kMapSuffix = ".map";

// Content of images that not everybody on the host may read.
constexpr mode_t kPrivate = 0700;

absl::Status MakeDirectories(const std::string& root) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::absolute(root, error).parent_path(), error);
  if (error) return CacheFolderError(error.value(), root);
  for (const std::string& path : {root, root + "/objects"}) {
    if (mkdir(path.c_str(), kPrivate) != 0 && errno != EEXIST) return CacheFolderError(errno, root);
  }
  return absl::OkStatus();
}

// True when there was something to remove.
absl::StatusOr<bool> Remove(const std::string& path) {
  if (unlink(path.c_str()) == 0) return true;
  if (errno == ENOENT) return false;
  return ErrnoStatus(errno, absl::StrCat("remove ", path));
}

// NotFound also stands for a file of another size, which is of no use.
absl::StatusOr<std::unique_ptr<PosixBackingFile>> OpenOfSize(const std::string& path, uint64_t size) {
  ASSIGN_OR_RETURN(std::unique_ptr<PosixBackingFile> file, PosixBackingFile::Open(path));
  ASSIGN_OR_RETURN(const uint64_t found, file->Size());
  if (found == size) return file;
  LogWarning(path, " has ", found, " bytes, its object ", size, ": dropped");
  return absl::NotFoundError(absl::StrCat(path, " has another size"));
}

absl::StatusOr<std::unique_ptr<ChunkMap>> OpenMap(const std::string& path, uint64_t object_size) {
  absl::StatusOr<std::unique_ptr<PosixBackingFile>> file = PosixBackingFile::Open(path);
  if (absl::IsNotFound(file.status())) file = PosixBackingFile::Create(path, 0);
  if (!file.ok()) return file.status();
  ASSIGN_OR_RETURN(const uint64_t map_size, (*file)->Size());
  return ChunkMap::Open(*std::move(file), map_size, object_size);
}

}  // namespace

StoredObject StoredObject::InKernel(uint64_t size) {
  const auto kernel = std::make_shared<KernelObject>();
  return {.data = kernel, .map = ChunkMap::InMemory(size), .kernel = kernel};
}

ObjectStore::ObjectStore(std::string root, UniqueFd lock, UniqueFd objects_dir)
    : objects_path_(std::move(root) + "/objects"),
      lock_(std::move(lock)),
      objects_dir_(std::move(objects_dir)) {}

absl::StatusOr<std::unique_ptr<ObjectStore>> ObjectStore::Open(const std::string& root, CacheLock lock) {
  RETURN_IF_ERROR(CheckCacheFileSystem(root));
  RETURN_IF_ERROR(MakeDirectories(root));
  if (!lock.held.valid()) {
    ASSIGN_OR_RETURN(lock.held, LockCacheFolder(root, lock.pid));
  }
  UniqueFd objects(open((root + "/objects").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!objects.valid()) return CacheFolderError(errno, root);
  return std::unique_ptr<ObjectStore>(new ObjectStore(root, std::move(lock.held), std::move(objects)));
}

std::string ObjectStore::FinishedPath(const ObjectKey& key) const {
  return absl::StrCat(objects_path_, "/", key.FileName());
}

bool ObjectStore::IsFinished(const ObjectKey& key) const {
  return access(FinishedPath(key).c_str(), F_OK) == 0;
}

uint64_t ObjectStore::DiskBytesOf(const ObjectKey& key) const {
  for (const std::string& path : {FinishedPath(key), PartialPath(key)}) {
    struct stat found = {};
    if (stat(path.c_str(), &found) == 0) return static_cast<uint64_t>(found.st_blocks) * S_BLKSIZE;
  }
  return 0;
}

std::string ObjectStore::PartialPath(const ObjectKey& key) const {
  return absl::StrCat(FinishedPath(key), kPartialSuffix);
}

std::string ObjectStore::MapPath(const ObjectKey& key) const {
  return absl::StrCat(FinishedPath(key), kMapSuffix);
}

absl::StatusOr<StoredObject> ObjectStore::OpenObject(const ObjectKey& key, uint64_t size) {
  RETURN_IF_ERROR(ChunkMap::CheckObjectSize(size));
  absl::StatusOr<StoredObject> stored = OpenFinished(key, size);
  if (absl::IsNotFound(stored.status())) stored = OpenPartial(key, size);
  if (absl::IsNotFound(stored.status())) stored = StartOver(key, size);
  return stored;
}

absl::StatusOr<StoredObject> ObjectStore::OpenFinished(const ObjectKey& key, uint64_t size) {
  ASSIGN_OR_RETURN(std::shared_ptr<BackingFile> data, OpenOfSize(FinishedPath(key), size));
  // A daemon that died between Finish's two steps leaves its map.
  RETURN_IF_ERROR(Remove(MapPath(key)).status());
  return StoredObject{.data = std::move(data)};
}

absl::StatusOr<StoredObject> ObjectStore::OpenPartial(const ObjectKey& key, uint64_t size) {
  ASSIGN_OR_RETURN(std::unique_ptr<PosixBackingFile> file, OpenOfSize(PartialPath(key), size));
  ASSIGN_OR_RETURN(std::shared_ptr<BackingFile> data, WatchedBackingFile::Over(std::move(file)));
  ASSIGN_OR_RETURN(std::unique_ptr<ChunkMap> map, OpenMap(MapPath(key), size));
  if (map->origin() == ChunkMap::Origin::kDamaged) {
    LogWarning(MapPath(key), " is damaged: the object starts over");
    return absl::NotFoundError("the chunk map is damaged");
  }
  return StoredObject{.data = std::move(data), .map = std::move(map)};
}

absl::StatusOr<StoredObject> ObjectStore::StartOver(const ObjectKey& key, uint64_t size) {
  RETURN_IF_ERROR(Drop(key));
  ASSIGN_OR_RETURN(std::unique_ptr<PosixBackingFile> file, PosixBackingFile::Create(PartialPath(key), size));
  ASSIGN_OR_RETURN(std::shared_ptr<BackingFile> data, WatchedBackingFile::Over(std::move(file)));
  ASSIGN_OR_RETURN(std::unique_ptr<ChunkMap> map, OpenMap(MapPath(key), size));
  RETURN_IF_ERROR(SyncDirectory());
  return StoredObject{.data = std::move(data), .map = std::move(map)};
}

absl::StatusOr<PendingFile> ObjectStore::NewObject() const {
  return PendingFile::In(objects_path_);
}

absl::Status ObjectStore::Keep(PendingFile& object, const ObjectKey& key) {
  return object.Commit(FinishedPath(key));
}

absl::Status ObjectStore::Finish(const ObjectKey& key) {
  const std::string path = FinishedPath(key);
  if (rename(PartialPath(key).c_str(), path.c_str()) != 0) {
    // Called again after an error further down, the first half is done.
    const int error = errno;
    if (error != ENOENT || access(path.c_str(), F_OK) != 0)
      return ErrnoStatus(error, absl::StrCat("rename to ", path));
  }
  RETURN_IF_ERROR(SyncDirectory());
  return Remove(MapPath(key)).status();
}

absl::Status ObjectStore::Drop(const ObjectKey& key) {
  ASSIGN_OR_RETURN(const bool had_map, Remove(MapPath(key)));
  if (had_map) RETURN_IF_ERROR(SyncDirectory());
  ASSIGN_OR_RETURN(const bool had_partial, Remove(PartialPath(key)));
  ASSIGN_OR_RETURN(const bool had_finished, Remove(FinishedPath(key)));
  if (had_partial || had_finished) return SyncDirectory();
  return absl::OkStatus();
}

std::vector<StoredInfo> ObjectStore::List() const {
  std::vector<StoredInfo> objects;
  std::error_code error;
  std::filesystem::directory_iterator entry(objects_path_, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string file = entry->path().filename().string();
    absl::string_view name = file;
    if (absl::ConsumeSuffix(&name, kMapSuffix)) continue;
    const bool partial = absl::ConsumeSuffix(&name, kPartialSuffix);
    struct stat info {};
    // Gone: an object may be finished or dropped meanwhile.
    if (fstatat(objects_dir_.get(), file.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    objects.push_back({.file_name = std::string(name),
                       .finished = !partial,
                       .size = static_cast<uint64_t>(info.st_size),
                       .disk_bytes = static_cast<uint64_t>(info.st_blocks) * S_BLKSIZE});
  }
  if (error) LogError("list ", objects_path_, ": ", error.message());
  std::sort(objects.begin(), objects.end(),
            [](const StoredInfo& a, const StoredInfo& b) { return a.file_name < b.file_name; });
  return objects;
}

absl::Status ObjectStore::SyncDirectory() const {
  if (fsync(objects_dir_.get()) != 0) return ErrnoStatus(errno, absl::StrCat("sync ", objects_path_));
  return absl::OkStatus();
}

}  // namespace lacuna
