#include "daemon/blob_source.h"

#include "daemon/blob_verifier.h"

namespace lacuna {

std::vector<ChunkRange> BlobSource::PlanFlights(const std::vector<uint64_t>& chunks) const {
  std::vector<ChunkRange> flights;
  for (const uint64_t chunk : chunks) {
    const bool fits = !flights.empty() && flights.back().last == chunk &&
                      flights.back().size() < kMaxFlightBytes / kChunkSize;
    if (fits) {
      ++flights.back().last;
    } else {
      flights.push_back({chunk, chunk + 1});
    }
  }
  return flights;
}

std::optional<FetchId> BlobSource::Fetch(RangeFetcher& fetcher, WorkerPool&, const Request& request,
                                         Flight::OnChunk on_chunk, Flight::OnEnd on_end) const {
  auto flight = std::make_shared<Flight>(request.chunks, blob_.size, std::move(on_chunk), std::move(on_end));
  const ByteRange bytes = flight->bytes();
  return fetcher.Fetch(blob_, bytes, request.priority, request.deadline, std::move(flight));
}

std::unique_ptr<ObjectVerifier> BlobSource::NewVerifier(std::shared_ptr<BackingFile> data) const {
  return std::make_unique<BlobVerifier>(std::move(data), blob_.digest, blob_.size);
}

}  // namespace lacuna
