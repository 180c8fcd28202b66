#include "daemon/door_selection.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "cachefiles/fuse_door.h"
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

// Everything is here already.
class AlwaysPresent : public DoorHandler {
 public:
  explicit AlwaysPresent(uint64_t size) : size_(size) {}
  absl::StatusOr<uint64_t> OnOpen(const OpenedObject&) override { return size_; }
  void OnRead(PendingRead read) override { std::move(read).Complete(absl::OkStatus()); }
  void OnReady(ObjectId) override {}
  void OnClose(ObjectId) override {}

 private:
  const uint64_t size_;
};

}  // namespace

absl::Status TestDoor(OnDemandDoor& door, const std::string& run_dir) {
  const std::string bytes = TestImage();
  AlwaysPresent handler(bytes.size());
  RETURN_IF_ERROR(door.Start(handler));
  const absl::Cleanup stop = [&] { door.Stop(); };
  const PublishedObject image{.key = ObjectKey::ForBlob(Digest::Of(bytes)),
                              .size = bytes.size(),
                              .file = std::make_shared<ImageInMemory>(bytes)};
  ASSIGN_OR_RETURN(const MountSpec spec, door.Publish({.bootstrap = image}));
  const std::string mount_point = absl::StrCat(run_dir, "/mounts/self-test");
  if (mkdir(mount_point.c_str(), 0700) != 0 && errno != EEXIST) {
    return ErrnoStatus(errno, absl::StrCat("mkdir ", mount_point));
  }
  const absl::Cleanup remove = [&] { rmdir(mount_point.c_str()); };
  return TryTestMount(spec, mount_point);
}

absl::StatusOr<std::unique_ptr<OnDemandDoor>> SelectDoor(const DoorOptions& options, WorkerPool& pool) {
  const auto make = [&](bool loop) {
    return std::make_unique<FuseDoor>(FuseDoor::Options{.run_dir = options.run_dir, .use_loop = loop}, pool);
  };
  absl::Status status;
  if (!options.fuse_loop) {
    status = TestDoor(*make(/*loop=*/false), options.run_dir);
    if (status.ok()) return make(/*loop=*/false);
    LogInfo("door fuse: no file-backed EROFS mounts here (", status.message(), "); trying loop devices");
  }
  status = TestDoor(*make(/*loop=*/true), options.run_dir);
  if (status.ok()) return make(/*loop=*/true);
  return Annotate(status, "no door works on this host; `lacunactl doctor` says what is missing");
}

}  // namespace lacuna
