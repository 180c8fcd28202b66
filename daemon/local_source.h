// An object that was made here and is whole on the disk: a merged bootstrap. Nobody can be asked for its
// chunks.
//
// Made by ImageOpener. See chunk_source.h.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "daemon/chunk_source.h"

namespace lacuna {

class LocalSource : public ChunkSource {
 public:
  explicit LocalSource(uint64_t object_size) : object_size_(object_size) {}

  uint64_t object_size() const override { return object_size_; }
  std::string host() const override { return "this host"; }
  std::vector<ChunkRange> PlanFlights(const std::vector<uint64_t>& chunks) const override {
    return {{chunks.front(), chunks.back() + 1}};
  }
  std::optional<FetchId> Fetch(RangeFetcher&, WorkerPool&, const Request& request, Flight::OnChunk,
                               Flight::OnEnd on_end) const override {
    std::move(on_end)(request.chunks,
                      absl::NotFoundError("it was made here and is gone; mount its image anew"));
    return std::nullopt;
  }
  // It has its final name since it was made.
  std::unique_ptr<ObjectVerifier> NewVerifier(std::shared_ptr<BackingFile>) const override { return nullptr; }

 private:
  const uint64_t object_size_;
};

}  // namespace lacuna
