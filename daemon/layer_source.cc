#include "daemon/layer_source.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "daemon/layer_flight.h"
#include "erofs-tools/layer/layer_verifier.h"

namespace lacuna {
namespace {

// LayerVerifier, telling how it ended.
class DeviceVerifier : public ObjectVerifier {
 public:
  DeviceVerifier(const std::shared_ptr<const ChunkMapper>& mapper, std::shared_ptr<BackingFile> data,
                 LayerSource::OnVerified on_verified)
      // The index lives in the mapper.
      : verifier_(std::shared_ptr<const LayerIndex>(mapper, &mapper->index()),
                  [data = std::move(data)](uint64_t offset, absl::Span<char> out) {
                    return data->ReadAt(offset, out);
                  }),
        on_verified_(std::move(on_verified)) {}

  absl::StatusOr<bool> Step() override {
    absl::StatusOr<bool> done = verifier_.Step();
    const bool right = done.ok() && *done;
    if (right || IsIntegrityError(done.status())) on_verified_(right);
    return done;
  }

 private:
  LayerVerifier verifier_;
  const LayerSource::OnVerified on_verified_;
};

}  // namespace

std::vector<ChunkRange> LayerSource::PlanFlights(const std::vector<uint64_t>& chunks) const {
  std::vector<ChunkRange> flights;
  for (const uint64_t chunk : chunks) {
    if (!flights.empty() && chunk < flights.back().last) continue;  // it comes along
    const ChunkRange alone = mapper_->Plan({chunk, chunk + 1}).chunks;
    const bool fits = !flights.empty() && alone.first <= flights.back().last &&
                      alone.last - flights.back().first <= kMaxFlightBytes / kChunkSize;
    if (fits) {
      flights.back().last = alone.last;
    } else {
      flights.push_back(alone);
    }
  }
  return flights;
}

std::optional<FetchId> LayerSource::Fetch(RangeFetcher& fetcher, WorkerPool& pool, const Request& request,
                                          Flight::OnChunk on_chunk, Flight::OnEnd on_end) const {
  const DecodePlan plan = mapper_->Plan(request.chunks);
  auto flight = std::make_shared<LayerFlight>(mapper_, plan, pool, std::move(on_chunk), std::move(on_end));
  if (plan.blob.empty()) {
    flight->OnDone(absl::OkStatus());
    return std::nullopt;
  }
  return fetcher.Fetch(blob_, plan.blob, request.priority, request.deadline, std::move(flight));
}

std::unique_ptr<ObjectVerifier> LayerSource::NewVerifier(std::shared_ptr<BackingFile> data) const {
  return std::make_unique<DeviceVerifier>(mapper_, std::move(data), on_verified_);
}

}  // namespace lacuna
