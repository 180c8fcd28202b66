// From an image reference to open objects whose metadata can be trusted: all that happens before a mount.
//
// Callers: Daemon, on control threads; calls block on the network, within the client's deadlines.
// Thread-safe.
#pragma once

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/cache_db.h"
#include "daemon/control.h"
#include "daemon/image_indexes.h"
#include "daemon/image_source.h"
#include "daemon/layer_opener.h"
#include "daemon/merged_image.h"
#include "daemon/object_opener.h"
#include "daemon/open_image.h"
#include "erofs-tools/superblock.h"
#include "registry/registries.h"
#include "registry/registry_client.h"

namespace lacuna {

class ImageOpener {
 public:
  // What the configuration says of a registry host.
  struct HostPolicy {
    bool plain_http = false;
    IndexTrust trust = IndexTrust::kTag;
  };
  using PolicyOf = std::function<HostPolicy(absl::string_view host)>;

  // What it works with; all outlive it. `door` says whether the kernel keeps the objects; small bootstraps,
  // and those made here, are ours in any case.
  struct Context {
    Registries& registries;
    RegistryClient& client;
    RangeFetcher& fetcher;
    ObjectTable& objects;
    ObjectStore& store;
    const IndexStore& indexes;
    CacheDb& db;
    const OnDemandDoor& door;
  };
  ImageOpener(const Context& context, PolicyOf policy_of);

  // Asks the registry what the reference means now, opens its objects, and checks them.
  absl::StatusOr<OpenImage> Open(const MountOptions& options);

  // The parts of that, for whoever wants something between. A `manifest_digest`, if it is not empty, is what
  // a tag means; whom to trust follows from the reference all the same.
  absl::StatusOr<ImageSource> Resolve(const MountOptions& options, const Digest& manifest_digest) const;
  // Opens and checks all of it. It is recorded as `name`.
  absl::StatusOr<OpenImage> Open(const ImageSource& source, const std::string& name);
  // Its lowest layers only: what the image was before the others. Not recorded.
  absl::StatusOr<OpenImage> OpenLowest(const ImageSource& source, size_t layers);

  // Opens the objects of an image that was open before, without asking the registry. Credentials given with a
  // mount are not kept; those on disk are used.
  absl::StatusOr<OpenImage> OpenKnown(const ImageRecord& record);

  // The same of what was mounted before. Waits for the disk only.
  absl::StatusOr<OpenImage> OpenRecorded(const FileSystemRecord& record);

  // What must hold before the kernel sees a byte: of a small bootstrap all is here and as its digest says, of
  // a large one the superblock is right; its device table fits the devices; the door can serve it.
  absl::Status Check(const OpenImage& image) const;

 private:
  absl::StatusOr<std::vector<TarLayer>> TarLayersOf(const Repository& repository,
                                                    const Manifest& manifest) const;
  // Of layers that are tars; makes and keeps their bootstrap.
  absl::StatusOr<std::vector<ObjectRecord>> MergedObjects(const ImageSource& source,
                                                          const std::vector<TarLayer>& layers);
  // What was made of it here: the bootstrap, and the device of zeros if it has one.
  absl::Status Keep(const MergedImage& image) const;
  absl::StatusOr<OpenImage> OpenObjects(const ImageRecord& record, const Repository& repository);
  absl::StatusOr<OpenImage> OpenChecked(const ImageRecord& record, const Repository& repository);
  Placement PlacementOf(const ObjectRecord& object, bool is_bootstrap) const;
  // Whether these objects were mounted through this door: an image is recorded once it was checked, and the
  // kernel keeps bytes only of what was mounted. Reading the superblock anew would take the registry.
  bool CheckedBefore(const OpenImage& image) const;
  // Whether the door's kernel reads right what is in it: no kernel does all that EROFS may have over fscache.
  absl::Status CheckServable(BlobCache& bootstrap, const Superblock& superblock) const;

  absl::StatusOr<Repository> RepositoryOf(const Reference& reference, bool plain_http,
                                          const std::string& credentials) const;

  const Context context_;
  const PolicyOf policy_of_;
  const ImageIndexes remote_indexes_;
  const LayerPuller puller_;
  LayerOpener layers_;
  ObjectOpener objects_;
};

}  // namespace lacuna
