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
#include "daemon/object_table.h"
#include "daemon/open_image.h"
#include "erofs-tools/superblock.h"
#include "registry/registries.h"
#include "registry/registry_client.h"

namespace lacuna {

class ImageOpener {
 public:
  // Whether the configuration asks for HTTP without TLS at a registry host.
  using PlainHttp = std::function<bool(absl::string_view host)>;

  // All outlive this. `door` says whether the kernel keeps the objects; small bootstraps are ours in any
  // case.
  ImageOpener(Registries& registries, RegistryClient& client, ObjectTable& objects, CacheDb& db,
              const OnDemandDoor& door, PlainHttp plain_http);

  // Asks the registry what the reference means now, opens its objects, and checks them.
  absl::StatusOr<OpenImage> Open(const MountOptions& options);

  // Opens the objects of an image that was open before, without asking the registry. Credentials given with a
  // mount are not kept; those on disk are used.
  absl::StatusOr<OpenImage> OpenKnown(const ImageRecord& record);

  // The same of what was mounted before. Waits for the disk only.
  absl::StatusOr<OpenImage> OpenRecorded(const FileSystemRecord& record);

  // What must hold before the kernel sees a byte: of a small bootstrap all is here and as its digest says, of
  // a large one the superblock is right; its device table fits the devices; the door can serve it.
  absl::Status Check(const OpenImage& image) const;

 private:
  absl::StatusOr<OpenImage> Open(const Reference& reference, const MountOptions& options);
  absl::StatusOr<OpenImage> OpenObjects(const ImageRecord& record, const Repository& repository);
  Placement PlacementOf(const ImageRecord& record, size_t object) const;
  // Whether these objects were mounted through this door: an image is recorded once it was checked, and the
  // kernel keeps bytes only of what was mounted. Reading the superblock anew would take the registry.
  bool CheckedBefore(const OpenImage& image) const;
  absl::Status CheckServable(const Superblock& superblock) const;

  absl::StatusOr<Repository> RepositoryOf(const Reference& reference, bool plain_http,
                                          const std::string& credentials) const;

  Registries& registries_;
  RegistryClient& client_;
  ObjectTable& objects_;
  CacheDb& db_;
  const OnDemandDoor& door_;
  const PlainHttp plain_http_;
};

}  // namespace lacuna
