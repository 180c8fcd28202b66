// Where an object's chunks come from, and how it is found out that all of them are right: the seam between
// the engine and what registries hold.
//
// Implemented by blob_source.h (the object is a blob), layer_source.h (a layer's blob has its chunks packed)
// and local_source.h (the object was made here). Made by ImageOpener, used by BlobCache. Constant; safe to
// use from any thread. No call blocks.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/worker_pool.h"
#include "daemon/flight.h"
#include "registry/range_fetcher.h"

namespace lacuna {

// Looks at a complete object piece by piece, so that on the worker pool the chunks of waiting readers get
// their turn in between. Used by one worker at a time.
class ObjectVerifier {
 public:
  virtual ~ObjectVerifier() = default;

  // Looks at about 1 MiB. True when that was the end and the object is what its name says, false when there
  // is more. IsIntegrityError() when it is something else; any other error is the disk's.
  virtual absl::StatusOr<bool> Step() = 0;
};

class ChunkSource {
 public:
  struct Request {
    ChunkRange chunks;  // one of PlanFlights
    Priority priority;
    TimePoint deadline;  // of demand only
  };

  virtual ~ChunkSource() = default;

  // Bytes, a multiple of kBlockSize.
  virtual uint64_t object_size() const = 0;
  // Who is asked, for messages: "registry.example".
  virtual std::string host() const = 0;
  // Whether each chunk is compared with a digest of its own before it is handed on.
  virtual bool checks_chunks() const { return false; }
  // Chunks that are all zero and need not be fetched, in ascending ranges.
  virtual std::vector<ChunkRange> zeros() const { return {}; }
  // What to ask for to get `chunks` (ascending, not empty). A flight may bring more than was asked for.
  virtual std::vector<ChunkRange> PlanFlights(const std::vector<uint64_t>& chunks) const = 0;
  // Begins to bring them: `on_chunk` is called for each in turn, `on_end` once, last; on any thread, maybe
  // from here. The number is for RangeFetcher::Promote; none when nothing has to be fetched.
  virtual std::optional<FetchId> Fetch(RangeFetcher& fetcher, WorkerPool& pool, const Request& request,
                                       Flight::OnChunk on_chunk, Flight::OnEnd on_end) const = 0;
  // For the complete object, whose bytes are in `data`.
  virtual std::unique_ptr<ObjectVerifier> NewVerifier(std::shared_ptr<BackingFile> data) const = 0;
};

}  // namespace lacuna
