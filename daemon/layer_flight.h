// One fetch of a piece of a layer's blob: hands what arrives to a worker, who decodes it, and each chunk on
// as it comes out right.
//
// Caller: LayerSource makes it; RangeFetcher feeds it on the transport's thread, one call at a time; it
// decodes on the worker pool, one task at a time.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "daemon/base/mutex.h"
#include "daemon/base/worker_pool.h"
#include "daemon/flight.h"
#include "erofs-tools/layer/chunk_decoder.h"
#include "registry/range_sink.h"

namespace lacuna {

class LayerFlight : public RangeSink, public std::enable_shared_from_this<LayerFlight> {
 public:
  // `pool` outlives the flight's end.
  LayerFlight(const std::shared_ptr<const ChunkMapper>& mapper, const DecodePlan& plan, WorkerPool& pool,
              Flight::OnChunk on_chunk, Flight::OnEnd on_end);

  void OnBytes(absl::Span<const char> bytes) override;
  void OnDone(const absl::Status& status) override;

 private:
  void Schedule() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // A worker: decodes what has arrived, and ends the flight after the last of it.
  void Decode();
  void End(const absl::Status& status);

  WorkerPool& pool_;
  const uint64_t last_;  // end of the chunks

  // Used by one worker at a time.
  ChunkDecoder decoder_;
  Flight::OnChunk on_chunk_;
  Flight::OnEnd on_end_;
  absl::Status decoded_;

  Mutex mutex_;
  std::deque<std::string> arrived_ ABSL_GUARDED_BY(mutex_);
  bool scheduled_ ABSL_GUARDED_BY(mutex_) = false;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);  // of the fetch
};

}  // namespace lacuna
