// The daemon without its API: makes every part, in order, and takes them down again. Implements Control over
// them.
//
// Made by lacunad.cc (main thread); Control's calls come from gRPC's threads. Stop() first answers everybody
// who waits.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/event_log.h"
#include "daemon/base/real_clock.h"
#include "daemon/cache_db.h"
#include "daemon/config.h"
#include "daemon/containerd_content.h"
#include "daemon/control.h"
#include "daemon/erofs_mounts.h"
#include "daemon/image_opener.h"
#include "daemon/keeper_client.h"
#include "daemon/object_store.h"
#include "daemon/object_table.h"
#include "daemon/prefetcher.h"
#include "daemon/remounter.h"
#include "daemon/snapshotter/lazy_layers.h"
#include "registry/curl_transport.h"
#include "registry/range_fetcher.h"
#include "registry/registries.h"
#include "registry/registry_client.h"

namespace lacuna {

class Daemon : public Control {
 public:
  // Takes over from a predecessor whose door `keeper` holds, with what is mounted. Else takes the cache
  // folder, starts a door that passed its self-test, detaches what a daemon that died has left, and begins to
  // mount it again. `keeper` outlives this.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Config& config, KeeperClient& keeper);
  ~Daemon() override;

  // Nobody waits any more: network transfers end, parked reads and control calls get their error. Idempotent.
  void Cancel();
  // Cancel, then unmounts everything (lazily where it is in use) and stops the door. Idempotent.
  void Stop();

  // What snapshots are made of. `content`, as the daemon itself, outlives what is made with it.
  std::unique_ptr<LazyLayers> MakeLayers(ContainerdContent& content);
  EventLog& events() { return events_; }

  absl::StatusOr<MountInfo> Mount(const MountOptions& options) override;
  absl::Status Unmount(absl::string_view directory, bool lazy) override;
  absl::StatusOr<uint32_t> UnmountAll(bool lazy) override;
  absl::StatusOr<std::vector<ImageInfo>> ListImages() override;
  std::vector<MountInfo> ListMounts() override;
  DaemonStatus GetStatus() override;
  absl::Status Prefetch(absl::string_view reference, bool wait,
                        const std::function<bool(const PrefetchProgress&)>& on_progress) override;
  absl::StatusOr<UpgradeInfo> Upgrade() override;
  UpgradeInfo LastUpgrade() override;
  void VisitEvents(bool follow, absl::FunctionRef<bool(const Event&)> visit,
                   absl::FunctionRef<bool()> cancelled) override;

 private:
  // What is made before the rest, each of which can fail.
  struct Foundation {
    std::unique_ptr<ObjectStore> store;
    std::unique_ptr<IndexStore> indexes;
    UniqueFd run_lock;
    std::unique_ptr<CacheDb> db;
    std::string boot_id;
    std::unique_ptr<WorkerPool> pool;
    std::unique_ptr<OnDemandDoor> door;  // passed its self-test, not started
  };
  static absl::StatusOr<Foundation> Lay(const Config& config, Keeper& keeper);

  Daemon(const Config& config, KeeperClient& keeper, Foundation foundation);
  // A sign of life of the clock's thread, again and again.
  void Beat();
  absl::Status StartDoor();
  absl::Status MountAgain(const FileSystemRecord& record, const std::string& directory);
  ImageInfo Describe(const ImageRecord& record);
  uint64_t PresentBytes(const OpenImage& image) const;
  // A mount of the image, where the door can fill objects only while they are open; else nothing.
  absl::StatusOr<std::shared_ptr<void>> HoldOpen(const OpenImage& image);

  // In order of making: what stands below uses what stands above.
  const Config config_;
  KeeperClient& keeper_;
  const std::unique_ptr<ObjectStore> store_;
  const std::unique_ptr<IndexStore> indexes_;
  const UniqueFd run_lock_;
  const std::unique_ptr<CacheDb> db_;
  const std::string boot_id_;
  EventLog events_;
  EngineStats stats_;
  RealClock clock_;
  CurlTransport transport_;
  Registries registries_;
  RangeFetcher fetcher_;
  RegistryClient client_;
  const std::unique_ptr<WorkerPool> pool_;
  const std::unique_ptr<OnDemandDoor> door_;
  ObjectTable objects_;
  Prefetcher prefetcher_;
  ImageOpener opener_;
  ErofsMounts mounts_;
  Remounter remounter_;
};

}  // namespace lacuna
