#include "daemon/daemon.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/boot_id.h"
#include "daemon/cache_lock.h"
#include "daemon/door_selection.h"
#include "daemon/image_layers.h"
#include "daemon/mount_leftovers.h"

namespace lacuna {
namespace {

constexpr int kWorkers = 4;
constexpr std::chrono::milliseconds kProgressInterval(200);

std::string MountsDir(const Config& config) {
  return absl::StrCat(config.daemon.run, "/mounts");
}

absl::Status MakeDirectory(const std::string& path, mode_t mode) {
  if (mkdir(path.c_str(), mode) == 0 || errno == EEXIST) return absl::OkStatus();
  return ErrnoStatus(errno, absl::StrCat("mkdir ", path));
}

Registries::Options RegistryOptions(const Config& config) {
  const Config::Fetch& fetch = config.fetch;
  const Duration usual_rest = HostGate::Limits().longest_rest;
  const auto window = std::chrono::duration_cast<std::chrono::milliseconds>(fetch.stall_timeout);
  Registries::Options options{.gate = {.demand_connections = fetch.demand_connections,
                                       .prefetch_connections = fetch.prefetch_connections,
                                       .requests_per_second = fetch.requests_per_second,
                                       .longest_rest = std::min(usual_rest, fetch.read_deadline / 4)},
                              .transfer = {.connect_timeout = fetch.connect_timeout,
                                           .stall_timeout = fetch.stall_timeout,
                                           .stall_bytes = static_cast<uint64_t>(fetch.min_bytes_per_second) *
                                                          static_cast<uint64_t>(window.count()) / 1000},
                              .certs_dirs = SplitCertsDirs(fetch.certs_dirs),
                              .credentials = {.auth_file = fetch.auth_file}};
  for (const auto& [host, registry] : config.registries) {
    options.credentials.hosts[host] = {.username = registry.username,
                                       .password_file = registry.password_file,
                                       .credential_helper = registry.credential_helper};
  }
  return options;
}

BlobCache::Options CacheOptions(const Config& config) {
  return {.read_deadline = config.fetch.read_deadline,
          .failure_memory = config.fetch.failure_memory,
          .commit_interval = config.cache.commit_interval};
}

ImageOpener::PolicyOf PolicyOf(const Config& config) {
  return [&config](absl::string_view host) {
    const auto found = config.registries.find(std::string(host));
    const Config::Registry registry = found != config.registries.end() ? found->second : Config::Registry();
    const std::string& trust = registry.index_trust.empty() ? config.index.trust : registry.index_trust;
    return ImageOpener::HostPolicy{registry.plain_http, *ParseIndexTrust(trust)};
  };
}

ObjectInfo::State StateOf(const BlobCache& object) {
  switch (object.state()) {
    case BlobCache::State::kFilling:
      return ObjectInfo::State::kFilling;
    case BlobCache::State::kFinished:
      return ObjectInfo::State::kFinished;
    case BlobCache::State::kFailed:
      return ObjectInfo::State::kFailed;
  }
  return ObjectInfo::State::kFailed;
}

ObjectInfo::Verified VerifiedOf(const BlobCache& object) {
  if (object.digest_checked()) return ObjectInfo::Verified::kDiffId;
  return object.chunks_checked() ? ObjectInfo::Verified::kIndex : ObjectInfo::Verified::kNone;
}

absl::Status Ending() {
  return absl::CancelledError("the daemon is ending");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const Config& config, KeeperClient& keeper) {
  ASSIGN_OR_RETURN(Foundation foundation, Lay(config, keeper));
  std::unique_ptr<Daemon> daemon(new Daemon(config, keeper, std::move(foundation)));
  if (absl::Status status = daemon->StartDoor(); !status.ok()) {
    // Left as it is until the process ends: to stop it would take down what a successor can still serve.
    static_cast<void>(daemon.release());
    return status;
  }
  daemon->Beat();
  return daemon;
}

absl::Status Daemon::StartDoor() {
  RETURN_IF_ERROR(door_->Start(objects_));
  if (!door_->took_over()) {
    RETURN_IF_ERROR(door_->Serve());
    return remounter_.Start(boot_id_);
  }
  const auto open = [this](const FileSystemRecord& record) { return opener_.OpenRecorded(record); };
  RETURN_IF_ERROR(mounts_.Adopt(open));
  RETURN_IF_ERROR(door_->Serve());
  mounts_.FinishAdoption();
  return absl::OkStatus();
}

absl::StatusOr<Daemon::Foundation> Daemon::Lay(const Config& config, Keeper& keeper) {
  Foundation base;
  ASSIGN_OR_RETURN(base.store,
                   ObjectStore::Open(config.daemon.root, {keeper.Take(KeptKind::kCacheLock), keeper.pid()}));
  RETURN_IF_ERROR(keeper.Keep(KeptKind::kCacheLock, base.store->lock_fd()));
  RETURN_IF_ERROR(MakeDirectory(config.daemon.run, 0755));
  base.run_lock = keeper.Take(KeptKind::kRunLock);
  if (!base.run_lock.valid()) {
    ASSIGN_OR_RETURN(base.run_lock, LockRunFolder(config.daemon.run, keeper.pid()));
    RETURN_IF_ERROR(keeper.Keep(KeptKind::kRunLock, base.run_lock.get()));
  }
  RETURN_IF_ERROR(MakeDirectory(MountsDir(config), 0700));
  ASSIGN_OR_RETURN(base.indexes, IndexStore::Open(config.daemon.root));
  ASSIGN_OR_RETURN(base.db, CacheDb::Open(absl::StrCat(config.daemon.root, "/cache.db")));
  ASSIGN_OR_RETURN(base.boot_id, ReadBootId());
  if (!HasDoor(keeper)) {
    ASSIGN_OR_RETURN(const std::vector<std::string> leftovers, DetachLeftovers(MountsDir(config)));
    for (const std::string& directory : leftovers)
      LogWarning("detached ", directory, ", left by a daemon that died");
  }
  base.pool = std::make_unique<WorkerPool>(kWorkers);
  ASSIGN_OR_RETURN(base.door, SelectDoor({.kind = config.door.kind,
                                          .fuse_loop = config.door.fuse_loop,
                                          .root = config.daemon.root,
                                          .run_dir = config.daemon.run},
                                         keeper, *base.pool));
  return base;
}

Daemon::Daemon(const Config& config, KeeperClient& keeper, Foundation foundation)
    : config_(config),
      keeper_(keeper),
      store_(std::move(foundation.store)),
      indexes_(std::move(foundation.indexes)),
      run_lock_(std::move(foundation.run_lock)),
      db_(std::move(foundation.db)),
      boot_id_(std::move(foundation.boot_id)),
      registries_(transport_, clock_, RegistryOptions(config_)),
      fetcher_(registries_.counters()),
      pool_(std::move(foundation.pool)),
      door_(std::move(foundation.door)),
      objects_({fetcher_, *store_, *pool_, clock_, stats_, CacheOptions(config_)}),
      opener_({registries_, client_, fetcher_, objects_, *store_, *indexes_, *db_, *door_},
              PolicyOf(config_)),
      mounts_(*door_, *db_, MountsDir(config_), boot_id_),
      remounter_(*db_, [this](const FileSystemRecord& record, const std::string& directory) {
        return MountAgain(record, directory);
      }) {}

Daemon::~Daemon() {
  Stop();
}

void Daemon::Beat() {
  keeper_.lifeline().BeatOfClock();
  clock_.RunAt(clock_.Now() + Lifeline::kBeat, [this] { Beat(); });
}

void Daemon::Cancel() {
  remounter_.Cancel();
  prefetcher_.Close(Ending());
  objects_.CloseAll(Ending());
  registries_.Stop();
  transport_.Stop();
}

void Daemon::Stop() {
  Cancel();
  remounter_.Stop();
  UnmountAll(/*lazy=*/true).status().IgnoreError();
  door_->Stop();
  mounts_.ForgetUnmounted();
  clock_.Stop();  // its callbacks use the pool, which goes before it
  rmdir(MountsDir(config_).c_str());
}

std::unique_ptr<LazyLayers> Daemon::MakeLayers(ContainerdContent& content) {
  return std::make_unique<ImageLayers>(
      ImageLayers::Context{opener_, mounts_, *db_, *store_, *door_, content});
}

absl::StatusOr<MountInfo> Daemon::Mount(const MountOptions& options) {
  ASSIGN_OR_RETURN(const OpenImage image, opener_.Open(options));
  ASSIGN_OR_RETURN(MountInfo info, mounts_.Mount(image, options.directory));
  events_.Add("mounted", info.directory, info.reference);
  return info;
}

absl::Status Daemon::MountAgain(const FileSystemRecord& record, const std::string& directory) {
  ASSIGN_OR_RETURN(const OpenImage image, opener_.OpenRecorded(record));
  RETURN_IF_ERROR(opener_.Check(image));
  RETURN_IF_ERROR(mounts_.Mount(image, directory).status());
  events_.Add("mounted", directory, absl::StrCat(record.reference, ", again"));
  return absl::OkStatus();
}

absl::Status Daemon::Unmount(absl::string_view directory, bool lazy) {
  RETURN_IF_ERROR(mounts_.Unmount(std::string(directory), lazy));
  events_.Add("unmounted", directory, "");
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> Daemon::UnmountAll(bool lazy) {
  absl::Status first_error;
  uint32_t unmounted = 0;
  for (const MountInfo& mount : mounts_.List()) {
    const absl::Status status = mounts_.Unmount(mount.directory, lazy);
    status.ok() ? void(++unmounted) : first_error.Update(status);
  }
  if (!first_error.ok()) return first_error;
  return unmounted;
}

ImageInfo Daemon::Describe(const ImageRecord& record) {
  ImageInfo info{.reference = record.reference,
                 .manifest_digest = record.manifest_digest.ToString(),
                 .mounts = mounts_.MountsOf(record.manifest_digest),
                 .last_used_unix_seconds = record.last_used_unix_seconds};
  for (const ObjectRecord& object : record.objects) info.size_bytes += object.object_size();
  // An object that failed and is still in use cannot be opened: nothing of the image counts as present then.
  const absl::StatusOr<OpenImage> image = opener_.OpenKnown(record);
  if (image.ok()) info.present_bytes = PresentBytes(*image);
  return info;
}

uint64_t Daemon::PresentBytes(const OpenImage& image) const {
  uint64_t bytes = 0;
  for (const std::shared_ptr<BlobCache>& object : image.objects) {
    const bool closed = object->kept_by_kernel() && !object->open_in_kernel();
    bytes += closed ? std::min(door_->KeptBytes(object->key()), object->size()) : object->present_bytes();
  }
  return bytes;
}

absl::StatusOr<std::shared_ptr<void>> Daemon::HoldOpen(const OpenImage& image) {
  if (!door_->keeps_objects()) return nullptr;
  RETURN_IF_ERROR(opener_.Check(image));
  return mounts_.Hold(image);
}

absl::StatusOr<std::vector<ImageInfo>> Daemon::ListImages() {
  ASSIGN_OR_RETURN(const std::vector<ImageRecord> records, db_->Images());
  std::vector<ImageInfo> images;
  images.reserve(records.size());
  for (const ImageRecord& record : records) images.push_back(Describe(record));
  return images;
}

std::vector<MountInfo> Daemon::ListMounts() {
  return mounts_.List();
}

DaemonStatus Daemon::GetStatus() {
  DaemonStatus status{.version = LACUNA_VERSION,
                      .door = std::string(door_->name()),
                      .root = config_.daemon.root,
                      .fetched = registries_.stats(),
                      .misses = stats_.misses,
                      .errors = stats_.errors,
                      .mounts = mounts_.List()};
  for (const std::shared_ptr<BlobCache>& object : objects_.objects()) {
    status.parked_reads += object->parked_reads();
    status.objects.push_back({.key = object->key().text(),
                              .size_bytes = object->size(),
                              .present_bytes = object->present_bytes(),
                              .state = StateOf(*object),
                              .verified = VerifiedOf(*object),
                              .mounts = mounts_.MountsOf(object->key())});
  }
  return status;
}

absl::Status Daemon::Prefetch(absl::string_view reference, bool wait,
                              const std::function<bool(const PrefetchProgress&)>& on_progress) {
  ASSIGN_OR_RETURN(const Reference parsed, ParseReference(reference));
  ASSIGN_OR_RETURN(const ImageRecord record, db_->FindImage(ToString(parsed)));
  ASSIGN_OR_RETURN(const OpenImage image, opener_.OpenKnown(record));
  ASSIGN_OR_RETURN(const std::shared_ptr<void> open, HoldOpen(image));
  const auto report = [&] { return on_progress({image.size(), PresentBytes(image)}); };

  const auto ended = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> end = ended->get_future();
  prefetcher_.Fill(image.objects, Priority::kFill,
                   [ended, open](const absl::Status& status) { ended->set_value(status); });
  if (!report()) return absl::CancelledError("the caller has gone");
  if (!wait) return absl::OkStatus();
  while (end.wait_for(kProgressInterval) == std::future_status::timeout) {
    if (!report()) return absl::CancelledError("the caller has gone");
  }
  report();
  return end.get();
}

void Daemon::VisitEvents(bool follow, absl::FunctionRef<bool(const Event&)> visit,
                         absl::FunctionRef<bool()> cancelled) {
  events_.Visit(follow, visit, cancelled);
}

absl::StatusOr<UpgradeInfo> Daemon::Upgrade() {
  UpgradeInfo info = keeper_.LastUpgrade();
  RETURN_IF_ERROR(keeper_.BeginUpgrade());
  ++info.number;
  info.state = UpgradeInfo::State::kRunning;
  return info;
}

UpgradeInfo Daemon::LastUpgrade() {
  return keeper_.LastUpgrade();
}

}  // namespace lacuna
