#include "cachefiles/fuse_door.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cachefiles/fuse_wire.h"
#include "cachefiles/mount_api.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// Makes the FUSE file system of `device`. Its INIT request waits in the device.
absl::StatusOr<UniqueFd> MountFuse(const UniqueFd& device) {
  ASSIGN_OR_RETURN(FsContext context, FsContext::Open("fuse"));
  RETURN_IF_ERROR(context.SetString("source", "lacuna"));
  RETURN_IF_ERROR(context.SetString("fd", absl::StrCat(device.get())));
  RETURN_IF_ERROR(context.SetString("rootmode", "40000"));  // octal: a directory
  // Others than root cannot reach it: no allow_other. EROFS and loop devices read with the mounter's rights.
  RETURN_IF_ERROR(context.SetString("user_id", "0"));
  RETURN_IF_ERROR(context.SetString("group_id", "0"));
  RETURN_IF_ERROR(context.SetString("max_read", absl::StrCat(kFuseMaxRead)));
  RETURN_IF_ERROR(context.SetFlag("ro"));
  return context.Mount(MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
}

absl::Status LinkTo(const std::string& link, const UniqueFd& mount) {
  if (unlink(link.c_str()) != 0 && errno != ENOENT) return ErrnoStatus(errno, absl::StrCat("unlink ", link));
  const std::string target = absl::StrCat("/proc/self/fd/", mount.get());
  if (symlink(target.c_str(), link.c_str()) == 0) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("symlink ", link));
}

}  // namespace

// What one MountSpec keeps published.
class FuseDoor::Publication {
 public:
  explicit Publication(std::shared_ptr<FuseObjects> objects) : objects_(std::move(objects)) {}
  ~Publication() {
    for (const ObjectId id : ids_) objects_->Unpublish(id);
  }
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  void Add(const PublishedObject& object) { ids_.push_back(objects_->Publish(object)); }

 private:
  const std::shared_ptr<FuseObjects> objects_;
  std::vector<ObjectId> ids_;
};

FuseDoor::FuseDoor(Options options, Keeper& keeper, WorkerPool& pool)
    : options_(std::move(options)),
      keeper_(keeper),
      pool_(pool),
      objects_(std::make_shared<FuseObjects>(keeper.fuse_log())) {}

FuseDoor::~FuseDoor() {
  Stop();
}

absl::Status FuseDoor::Start(DoorHandler& handler) {
  MutexLock lock(mutex_);
  if (session_ != nullptr) return absl::FailedPreconditionError("the fuse door was started before");
  Connection connection = {keeper_.Take(KeptKind::kFuseDevice), keeper_.Take(KeptKind::kFuseMount)};
  took_over_ = connection.device.valid() && connection.mount.valid();
  if (!took_over_) {
    ASSIGN_OR_RETURN(connection, Connect());
  }
  RETURN_IF_ERROR(LinkTo(link(), connection.mount));
  session_ = std::make_unique<FuseSession>(std::move(connection.device), keeper_, objects_, handler, pool_);
  mount_ = std::move(connection.mount);
  return absl::OkStatus();
}

absl::StatusOr<FuseDoor::Connection> FuseDoor::Connect() {
  Connection connection;
  connection.device = UniqueFd(open("/dev/fuse", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!connection.device.valid()) return ErrnoStatus(errno, "open /dev/fuse");
  keeper_.fuse_log().Clear();  // of another connection's numbers
  ASSIGN_OR_RETURN(connection.mount, MountFuse(connection.device));
  // The device last: where it is kept, both are.
  RETURN_IF_ERROR(keeper_.Keep(KeptKind::kFuseMount, connection.mount.get()));
  RETURN_IF_ERROR(keeper_.Keep(KeptKind::kFuseDevice, connection.device.get(), options_.use_loop));
  return connection;
}

absl::Status FuseDoor::Serve() {
  MutexLock lock(mutex_);
  return session_->Start();
}

bool FuseDoor::took_over() const {
  MutexLock lock(mutex_);
  return took_over_;
}

absl::StatusOr<MountSpec> FuseDoor::Publish(const PublishedImage& image) {
  {
    MutexLock lock(mutex_);
    if (session_ == nullptr || !session_->running()) {
      return absl::FailedPreconditionError("the fuse door is not running; restart the daemon");
    }
  }
  const auto publication = std::make_shared<Publication>(objects_);
  MountSpec spec = {.through_loop = options_.use_loop, .publication = publication};
  ASSIGN_OR_RETURN(spec.source, Show(image.bootstrap, *publication));
  for (const PublishedObject& device : image.devices) {
    ASSIGN_OR_RETURN(spec.devices.emplace_back(), Show(device, *publication));
  }
  return spec;
}

absl::StatusOr<std::string> FuseDoor::Show(const PublishedObject& object, Publication& publication) {
  if (!object.finished_path.empty()) return object.finished_path;
  if (object.file == nullptr || object.size == 0 || object.size % kBlockSize != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("object ", object.key.text(), " of ", object.size,
                     " bytes cannot be published: it needs a backing file and a "
                     "whole number of blocks"));
  }
  publication.Add(object);
  return absl::StrCat(link(), "/", object.key.FileName());
}

absl::Status FuseDoor::Cull(const ObjectKey& key) {
  if (!objects_->InUse(key)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("object ", key.text(), " is in use by a mount"));
}

bool FuseDoor::IsOpen(const ObjectKey& key) const {
  return objects_->IsOpen(key);
}

void FuseDoor::Stop() {
  MutexLock lock(mutex_);
  if (session_ == nullptr || !mount_.valid()) return;
  session_->Stop();
  // Only after the connection is gone: a last request of the file system's would find nobody.
  mount_.Reset();
  unlink(link().c_str());
}

FuseCounters FuseDoor::counters() const {
  MutexLock lock(mutex_);
  return session_ == nullptr ? FuseCounters() : session_->counters();
}

}  // namespace lacuna
