// An image whose objects are open: what a mount shows and a prefetch fills. A value that keeps its objects
// alive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cachefiles/on_demand_door.h"
#include "daemon/base/digest.h"
#include "daemon/blob_cache.h"
#include "daemon/object_record.h"

namespace lacuna {

struct OpenImage {
  std::string reference;  // canonical: with host, repository and tag or digest
  Digest manifest_digest;
  bool plain_http = false;                          // as its objects are fetched
  std::vector<std::shared_ptr<BlobCache>> objects;  // the bootstrap, then its devices in table order
  std::vector<ObjectRecord> records;                // of the objects

  PublishedImage Published() const;
  // The keys of `objects`: what tells one file system from another.
  std::vector<ObjectKey> Keys() const;
  bool Holds(const ObjectKey& key) const;
  uint64_t size() const;
};

}  // namespace lacuna
