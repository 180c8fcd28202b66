// The chunks of a layer's device, which lie packed in the layer's blob: fetched, inflated, taken out of the
// tar, and checked against the index.
//
// Made by LayerObjects. See chunk_source.h.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/chunk_source.h"
#include "erofs-tools/layer/chunk_decoder.h"
#include "registry/remote_blob.h"

namespace lacuna {

class LayerSource : public ChunkSource {
 public:
  // Told once, when the whole device has been compared with the diffID that its name says. Called by a
  // worker.
  using OnVerified = std::function<void(bool right)>;

  // `blob` is the layer that `mapper`'s index was made for.
  LayerSource(RemoteBlob blob, std::shared_ptr<const ChunkMapper> mapper, OnVerified on_verified)
      : blob_(std::move(blob)), mapper_(std::move(mapper)), on_verified_(std::move(on_verified)) {}

  uint64_t object_size() const override { return mapper_->index().chunks.device_size(); }
  std::string host() const override { return blob_.repository.registry->host(); }
  bool checks_chunks() const override { return true; }
  std::vector<ChunkRange> zeros() const override { return mapper_->index().chunks.zeros(); }
  // Of a gzip layer a flight brings what lies between two checkpoints.
  std::vector<ChunkRange> PlanFlights(const std::vector<uint64_t>& chunks) const override;
  std::optional<FetchId> Fetch(RangeFetcher& fetcher, WorkerPool& pool, const Request& request,
                               Flight::OnChunk on_chunk, Flight::OnEnd on_end) const override;
  std::unique_ptr<ObjectVerifier> NewVerifier(std::shared_ptr<BackingFile> data) const override;

 private:
  const RemoteBlob blob_;
  const std::shared_ptr<const ChunkMapper> mapper_;
  const OnVerified on_verified_;
};

}  // namespace lacuna
