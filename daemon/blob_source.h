// The chunks of an object that is a blob, padded to whole blocks: a bootstrap or a device that somebody
// pushed.
//
// Made by ImageOpener. See chunk_source.h.
#pragma once

#include <memory>
#include <utility>

#include "daemon/chunk_source.h"
#include "registry/remote_blob.h"

namespace lacuna {

class BlobSource : public ChunkSource {
 public:
  explicit BlobSource(RemoteBlob blob) : blob_(std::move(blob)) {}

  uint64_t object_size() const override { return RoundUp(blob_.size, kBlockSize); }
  std::string host() const override { return blob_.repository.registry->host(); }
  std::vector<ChunkRange> PlanFlights(const std::vector<uint64_t>& chunks) const override;
  std::optional<FetchId> Fetch(RangeFetcher& fetcher, WorkerPool& pool, const Request& request,
                               Flight::OnChunk on_chunk, Flight::OnEnd on_end) const override;
  std::unique_ptr<ObjectVerifier> NewVerifier(std::shared_ptr<BackingFile> data) const override;

 private:
  const RemoteBlob blob_;
};

}  // namespace lacuna
