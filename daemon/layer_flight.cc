#include "daemon/layer_flight.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace lacuna {

LayerFlight::LayerFlight(const std::shared_ptr<const ChunkMapper>& mapper, const DecodePlan& plan,
                         WorkerPool& pool, Flight::OnChunk on_chunk, Flight::OnEnd on_end)
    : pool_(pool),
      last_(plan.chunks.last),
      decoder_(mapper, plan,
               [this](uint64_t chunk, absl::Span<const char> bytes) {
                 on_chunk_(chunk, ChunkBuffer(bytes.begin(), bytes.end()));
               }),
      on_chunk_(std::move(on_chunk)),
      on_end_(std::move(on_end)) {}

void LayerFlight::OnBytes(absl::Span<const char> bytes) {
  MutexLock lock(mutex_);
  arrived_.emplace_back(bytes.begin(), bytes.end());
  Schedule();
}

void LayerFlight::OnDone(const absl::Status& status) {
  MutexLock lock(mutex_);
  status_ = status;
  done_ = true;
  Schedule();
}

void LayerFlight::Schedule() {
  if (std::exchange(scheduled_, true)) return;
  pool_.Submit([self = shared_from_this()] { self->Decode(); });
}

void LayerFlight::Decode() {
  while (true) {
    std::deque<std::string> arrived;
    absl::Status status;
    bool done = false;
    {
      MutexLock lock(mutex_);
      arrived.swap(arrived_);
      done = done_;
      status = status_;
      if (arrived.empty() && !done) {
        scheduled_ = false;  // not before: nobody else may decode meanwhile
        return;
      }
    }
    for (const std::string& bytes : arrived) {
      if (decoded_.ok()) decoded_ = decoder_.Write(bytes);
    }
    if (!done) continue;
    if (decoded_.ok() && status.ok()) decoded_ = decoder_.Write({});  // chunks that need no bytes
    return End(decoded_.ok() ? status : decoded_);
  }
}

void LayerFlight::End(const absl::Status& status) {
  const ChunkRange lost = {decoder_.next(), last_};
  const absl::Status end =
      status.ok() && !lost.empty()
          ? absl::DataLossError(absl::StrCat("the layer's bytes ended before chunk ", lost.first))
          : status;
  // What the callbacks hold is let go here: the fetcher may keep its sink for longer.
  Flight::OnEnd on_end = std::move(on_end_);
  on_chunk_ = nullptr;
  std::move(on_end)(lost, end);
}

}  // namespace lacuna
