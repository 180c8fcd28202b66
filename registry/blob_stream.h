// A registry's blob read from front to back, in bounded memory: a few pieces are fetched ahead of the reader,
// whose own speed holds them back.
//
// Callers: lacuna-image, and lacunad for a layer without an index. One thread reads; Cancel is safe from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "daemon/base/clock.h"
#include "registry/blob_reader.h"
#include "registry/priority.h"
#include "registry/range_fetcher.h"
#include "registry/remote_blob.h"

namespace lacuna {

class BlobStream final : public BlobReader {
 public:
  struct Options {
    Priority priority = Priority::kDemand;
    uint64_t piece_bytes = 4 << 20;  // of one fetch
    size_t ahead = 3;                // pieces under way or waiting, beside the one that is being read
    Duration piece_timeout = std::chrono::minutes(10);  // of a demand fetch
  };

  // `fetcher` outlives this; what it counts into outlives its fetches, which go on for a while after this.
  BlobStream(RemoteBlob blob, RangeFetcher& fetcher, const Options& options);
  BlobStream(RemoteBlob blob, RangeFetcher& fetcher) : BlobStream(std::move(blob), fetcher, Options()) {}
  // Cancel(). Waits for nothing.
  ~BlobStream() override;

  // Errors are RangeFetcher's, which tries again by itself; Cancelled after Cancel.
  absl::StatusOr<absl::Span<const char>> Next() override;

  // Ends the Next that waits, and all later ones. What is under way is dropped as it comes.
  void Cancel();

 private:
  class Pieces;
  class Sink;

  // As many pieces as may be under way.
  void FetchAhead();

  const RemoteBlob blob_;
  RangeFetcher& fetcher_;
  const Options options_;
  const std::shared_ptr<Pieces> pieces_;  // shared with the fetches under way

  // The reading thread's.
  uint64_t fetched_ = 0;  // bytes of the blob that were asked for
  std::string current_;   // what Next gave out
};

}  // namespace lacuna
