#include "daemon/door_selection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/cachefiles_door.h"
#include "cachefiles/fuse_door.h"
#include "cachefiles/private_keeper.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/test_mount.h"

namespace lacuna {
namespace {

// The tiny image, in memory. Read-only.
class ImageInMemory : public BackingFile {
 public:
  explicit ImageInMemory(std::string bytes) : bytes_(std::move(bytes)) {}
  absl::Status WriteAt(uint64_t, absl::Span<const char>) override {
    return absl::UnimplementedError("read-only");
  }
  absl::Status ReadAt(uint64_t offset, absl::Span<char> out) override {
    if (offset + out.size() > bytes_.size()) return absl::OutOfRangeError("past the end of the image");
    std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return absl::OkStatus();
  }
  absl::Status Sync() override { return absl::OkStatus(); }
  absl::Status PunchHole(const ByteRange&) override { return absl::UnimplementedError("read-only"); }

 private:
  const std::string bytes_;
};

// Everything is here already; a door that keeps the bytes itself is given all of them at the first read.
// (Which is a write on the door's thread: there is nobody else to wait for it.)
class AlwaysPresent : public DoorHandler {
 public:
  explicit AlwaysPresent(const std::string& bytes) : bytes_(bytes) {}
  absl::StatusOr<uint64_t> OnOpen(const OpenedObject& object) override {
    file_ = object.file;
    return bytes_.size();
  }
  void OnReady(ObjectId) override {}
  void OnRead(PendingRead read) override {
    std::move(read).Complete(file_ == nullptr ? absl::OkStatus() : file_->WriteAt(0, bytes_));
  }
  void OnClose(ObjectId) override { file_ = nullptr; }

 private:
  const std::string& bytes_;
  std::shared_ptr<KernelFile> file_;  // of the door's thread
};

// Makes doors of the kinds there are; one that is only tested has a keeper that does not keep it.
class Doors {
 public:
  Doors(const DoorOptions& options, WorkerPool& pool) : options_(options), pool_(pool) {}

  std::unique_ptr<OnDemandDoor> Cachefiles(Keeper& keeper) const {
    return std::make_unique<CachefilesDoor>(CachefilesDoor::Options{.cache_dir = cache_dir()}, keeper, pool_);
  }
  std::unique_ptr<OnDemandDoor> Fuse(Keeper& keeper, bool loop) const {
    return std::make_unique<FuseDoor>(FuseDoor::Options{.run_dir = options_.run_dir, .use_loop = loop},
                                      keeper, pool_);
  }
  std::string cache_dir() const { return absl::StrCat(options_.root, "/cachefiles"); }

 private:
  const DoorOptions& options_;
  WorkerPool& pool_;
};

absl::StatusOr<std::unique_ptr<OnDemandDoor>> TryCachefiles(const DoorOptions& options, const Doors& doors,
                                                            Keeper& keeper) {
  if (mkdir(doors.cache_dir().c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("mkdir ", doors.cache_dir()));
  }
  PrivateKeeper nobody;
  RETURN_IF_ERROR(TestDoor(*doors.Cachefiles(nobody), options.run_dir));
  return doors.Cachefiles(keeper);
}

absl::StatusOr<std::unique_ptr<OnDemandDoor>> TryFuse(const DoorOptions& options, const Doors& doors,
                                                      Keeper& keeper) {
  PrivateKeeper nobody;
  if (!options.fuse_loop) {
    const absl::Status status = TestDoor(*doors.Fuse(nobody, /*loop=*/false), options.run_dir);
    if (status.ok()) return doors.Fuse(keeper, /*loop=*/false);
    LogInfo("door fuse: no file-backed EROFS mounts here (", status.message(), "); trying loop devices");
  }
  RETURN_IF_ERROR(TestDoor(*doors.Fuse(nobody, /*loop=*/true), options.run_dir));
  return doors.Fuse(keeper, /*loop=*/true);
}

}  // namespace

absl::Status TestDoor(OnDemandDoor& door, const std::string& run_dir) {
  const std::string bytes = TestImage();
  AlwaysPresent handler(bytes);
  RETURN_IF_ERROR(door.Start(handler));
  const absl::Cleanup stop = [&] { door.Stop(); };
  RETURN_IF_ERROR(door.Serve());
  const PublishedObject image{
      .key = ObjectKey::ForBlob(Digest::Of(bytes)),
      .size = bytes.size(),
      .file = door.keeps_objects() ? nullptr : std::make_shared<ImageInMemory>(bytes)};
  // What an earlier test left would be read without asking us.
  RETURN_IF_ERROR(door.Cull(image.key));
  ASSIGN_OR_RETURN(const MountSpec spec, door.Publish({.bootstrap = image}));
  const std::string mount_point = absl::StrCat(run_dir, "/mounts/self-test");
  if (mkdir(mount_point.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("mkdir ", mount_point));
  }
  const absl::Cleanup remove = [&] { rmdir(mount_point.c_str()); };
  return TryTestMount(spec, mount_point);
}

bool HasDoor(const Keeper& keeper) {
  return keeper.Find(KeptKind::kCachefilesDevice).has_value() ||
         keeper.Find(KeptKind::kFuseDevice).has_value();
}

absl::StatusOr<std::unique_ptr<OnDemandDoor>> SelectDoor(const DoorOptions& options, Keeper& keeper,
                                                         WorkerPool& pool) {
  const Doors doors(options, pool);
  if (keeper.Find(KeptKind::kCachefilesDevice)) return doors.Cachefiles(keeper);
  if (const auto loop = keeper.Find(KeptKind::kFuseDevice)) return doors.Fuse(keeper, *loop != 0);
  absl::StatusOr<std::unique_ptr<OnDemandDoor>> door = absl::UnimplementedError("");
  if (options.kind != "fuse") {
    door = TryCachefiles(options, doors, keeper);
    if (!door.ok() && options.kind == "auto") LogInfo("door cachefiles: ", door.status().message());
  }
  if (!door.ok() && options.kind != "cachefiles") door = TryFuse(options, doors, keeper);
  if (door.ok()) return door;
  return Annotate(
      door.status(),
      absl::StrCat(options.kind == "auto" ? "no door works" : "door " + options.kind + " does not work",
                   " on this host; `lacunactl doctor` says what is missing"));
}

}  // namespace lacuna
