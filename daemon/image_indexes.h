// Which indexes a registry has for an image's layers, and which of them may be used.
//
// A tag already trusts whoever may push to the repository, so that for a tag any index found there is as good
// as the image. A digest trusts nobody: for a reference that is pinned by one, only an index that the same
// digest names counts (DESIGN.md section 7, "Whom to trust").
//
// Caller: LayerOpener, on threads that may wait. Thread-safe.
#pragma once

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/cache_db.h"
#include "daemon/index_store.h"
#include "daemon/index_trust.h"
#include "daemon/tar_layers.h"
#include "registry/reference.h"
#include "registry/registry_client.h"

namespace lacuna {

class ImageIndexes {
 public:
  // All outlive this.
  ImageIndexes(RegistryClient& client, const IndexStore& store, CacheDb& db)
      : client_(client), store_(store), db_(db) {}

  // Where the index of each layer is, by the layer's digest; empty when there are none, or none may be used.
  // That one cannot be found is a line in the log: the image can be had without.
  std::map<Digest, Descriptor> Find(const Repository& repository, const Reference& reference,
                                    const ResolvedImage& image, IndexTrust trust) const;

  // Fetches it, unless it is here. NotFound, with a line in the log, when it cannot be had, is not the
  // layer's, or was found wrong before.
  absl::StatusOr<StoredIndex> Get(const Repository& repository, const TarLayer& layer,
                                  const Descriptor& index) const;

 private:
  absl::StatusOr<StoredIndex> Fetch(const Repository& repository, const Descriptor& index) const;

  RegistryClient& client_;
  const IndexStore& store_;
  CacheDb& db_;
};

}  // namespace lacuna
