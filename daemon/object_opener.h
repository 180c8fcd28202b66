// From what is remembered of an object to the object, with the source that it has its chunks from.
//
// Caller: ImageOpener. Thread-safe; calls wait for the disk, never for the network.
#pragma once

#include <memory>

#include "absl/status/statusor.h"
#include "daemon/cache_db.h"
#include "daemon/index_store.h"
#include "daemon/object_record.h"
#include "daemon/object_table.h"
#include "registry/remote_blob.h"

namespace lacuna {

class ObjectOpener {
 public:
  // All outlive this and what it opens.
  ObjectOpener(ObjectTable& objects, const ObjectStore& store, const IndexStore& indexes, CacheDb& db)
      : objects_(objects), store_(store), indexes_(indexes), db_(db) {}

  // What `record` names, whose blob is in `repository`. `placement` is for what is not whole in our folder.
  // NotFound when the object can be had only by mounting its image anew.
  absl::StatusOr<std::shared_ptr<BlobCache>> Open(const ObjectRecord& record, const Repository& repository,
                                                  Placement placement);

 private:
  absl::StatusOr<std::shared_ptr<const ChunkSource>> SourceOf(const ObjectRecord& record,
                                                              const Repository& repository);
  absl::StatusOr<std::shared_ptr<const ChunkSource>> LayerSourceOf(const ObjectRecord& record,
                                                                   const Repository& repository);

  ObjectTable& objects_;
  const ObjectStore& store_;
  const IndexStore& indexes_;
  CacheDb& db_;
};

}  // namespace lacuna
