#include "cachefiles/cachefiles_door.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cachefiles/cachefiles_bind.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// For as long the kernel may be busy with an object after its CLOSE.
constexpr std::chrono::milliseconds kCullPatience(2000);

absl::Status Check(const PublishedObject& object) {
  const std::string& key = object.key.text();
  if (object.size == 0 || object.size % kBlockSize != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("object ", key, " of ", object.size, " bytes is no whole number of blocks"));
  }
  if ((object.file == nullptr) != object.finished_path.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("object ", key, " is in the making: this door fills from finished files only"));
  }
  if (key.empty() || key.size() > kMaxCookieKey) {
    return absl::InvalidArgumentError(
        absl::StrCat("object key '", key, "' cannot be a cookie's: it has 1 to ", kMaxCookieKey, " bytes"));
  }
  return absl::OkStatus();
}

}  // namespace

// What one MountSpec keeps published.
class CachefilesDoor::Publication {
 public:
  explicit Publication(std::shared_ptr<CachefilesObjects> objects) : objects_(std::move(objects)) {}
  ~Publication() {
    for (const ObjectKey& key : keys_) objects_->Unpublish(key);
  }
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  // Its name for the kernel.
  std::string Add(const PublishedObject& object) {
    objects_->Publish(object);
    keys_.push_back(object.key);
    return object.key.FileName();
  }

 private:
  const std::shared_ptr<CachefilesObjects> objects_;
  std::vector<ObjectKey> keys_;
};

CachefilesDoor::CachefilesDoor(Options options, Keeper& keeper, WorkerPool& pool, OpenDevice open_device)
    : options_(std::move(options)), keeper_(keeper), pool_(pool), open_device_(std::move(open_device)) {}

CachefilesDoor::~CachefilesDoor() {
  Stop();
}

absl::Status CachefilesDoor::Start(DoorHandler& handler) {
  MutexLock lock(mutex_);
  if (session_ != nullptr) return absl::FailedPreconditionError("the cachefiles door was started before");
  UniqueFd kept = keeper_.Take(KeptKind::kCachefilesDevice);
  took_over_ = kept.valid();
  ASSIGN_OR_RETURN(const std::shared_ptr<CachefilesDevice> device,
                   took_over_ ? CachefilesFd::Make(std::move(kept)) : Connect());
  culler_ = std::make_shared<CachefilesCuller>(options_.cache_dir, options_.limits, device);
  session_ = std::make_unique<CachefilesSession>(
      device, keeper_, std::make_unique<CachefilesRequests>(device, keeper_, objects_, handler, pool_),
      [culler = culler_] { culler->MakeSpace(); });
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<CachefilesDevice>> CachefilesDoor::Connect() {
  ASSIGN_OR_RETURN(std::shared_ptr<CachefilesDevice> device, open_device_());
  RETURN_IF_ERROR(BindCachefiles(*device, options_.cache_dir, options_.limits));
  // Nothing waits yet: only whether the kernel knows the command is of interest.
  const int error = device->Command(kRestoreCommand);
  if (error == 0) {
    RETURN_IF_ERROR(device->LeaveTo(keeper_));
  } else {
    LogWarning("this kernel gives no request to a successor (", ErrnoStatus(error, "restore").message(),
               "): when the daemon dies its mounts fail reads of what is not cached");
  }
  return device;
}

absl::Status CachefilesDoor::Serve() {
  MutexLock lock(mutex_);
  session_->Start();
  return absl::OkStatus();
}

bool CachefilesDoor::took_over() const {
  MutexLock lock(mutex_);
  return took_over_;
}

absl::StatusOr<MountSpec> CachefilesDoor::Publish(const PublishedImage& image) {
  {
    MutexLock lock(mutex_);
    if (session_ == nullptr || !session_->running()) {
      return absl::FailedPreconditionError("the cachefiles door is not running; restart the daemon");
    }
  }
  RETURN_IF_ERROR(Check(image.bootstrap));
  for (const PublishedObject& device : image.devices) RETURN_IF_ERROR(Check(device));
  const auto publication = std::make_shared<Publication>(objects_);
  MountSpec spec = {.source = "none", .publication = publication};
  spec.options = {absl::StrCat("fsid=", publication->Add(image.bootstrap)),
                  absl::StrCat("domain_id=", kCachefilesDomain)};
  for (const PublishedObject& device : image.devices) spec.devices.push_back(publication->Add(device));
  return spec;
}

absl::Status CachefilesDoor::Cull(const ObjectKey& key) {
  std::shared_ptr<CachefilesCuller> culler;
  {
    MutexLock lock(mutex_);
    culler = culler_;
  }
  if (culler == nullptr) return absl::FailedPreconditionError("the cachefiles door is not running");
  // The kernel would not say so of what has no name yet (cachefiles_folder.h).
  if (objects_->InUse(key)) {
    return absl::FailedPreconditionError(absl::StrCat("object ", key.text(), " is in use by a mount"));
  }
  const bool just_closed = objects_->ClosedSince(key, std::chrono::steady_clock::now() - kCullPatience);
  return culler->Cull(key, kCullPatience, just_closed);
}

bool CachefilesDoor::IsOpen(const ObjectKey& key) const {
  return objects_->IsOpen(key);
}

uint64_t CachefilesDoor::KeptBytes(const ObjectKey& key) const {
  const std::optional<CacheFile> file = FindCacheFile(options_.cache_dir, key);
  return file.has_value() ? file->bytes : 0;
}

void CachefilesDoor::Stop() {
  MutexLock lock(mutex_);
  if (culler_ != nullptr) culler_->Stop();
  if (session_ != nullptr) session_->Stop();
}

CachefilesCounters CachefilesDoor::counters() const {
  MutexLock lock(mutex_);
  return session_ == nullptr ? CachefilesCounters() : session_->counters();
}

uint64_t CachefilesDoor::culled() const {
  MutexLock lock(mutex_);
  return culler_ == nullptr ? 0 : culler_->culled();
}

}  // namespace lacuna
