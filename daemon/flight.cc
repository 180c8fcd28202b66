#include "daemon/flight.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace lacuna {

Flight::Flight(const ChunkRange& chunks, uint64_t blob_size, OnChunk on_chunk, OnEnd on_end)
    : blob_size_(blob_size),
      last_(chunks.last),
      bytes_(BytesOf(chunks, blob_size)),
      next_(chunks.first),
      on_chunk_(std::move(on_chunk)),
      on_end_(std::move(on_end)) {}

void Flight::OnBytes(absl::Span<const char> bytes) {
  while (!bytes.empty() && next_ < last_) {
    const uint64_t chunk_bytes = BytesOf({next_, next_ + 1}, blob_size_).length;
    if (buffer_.empty()) buffer_.reserve(RoundUp(chunk_bytes, kBlockSize));
    const absl::Span<const char> part = bytes.subspan(0, chunk_bytes - buffer_.size());
    buffer_.insert(buffer_.end(), part.begin(), part.end());
    bytes.remove_prefix(part.size());
    if (buffer_.size() == chunk_bytes) EndChunk();
  }
}

void Flight::EndChunk() {
  buffer_.resize(RoundUp(buffer_.size(), kBlockSize));
  on_chunk_(next_++, std::exchange(buffer_, {}));
}

void Flight::OnDone(const absl::Status& status) {
  // A stream that ends early without saying so must not leave its readers to their deadline.
  const absl::Status end = status.ok() && next_ < last_
                               ? absl::DataLossError(absl::StrCat("the answer ended before chunk ", next_))
                               : status;
  // What the callbacks hold is let go here: the fetcher may keep its sink for longer.
  OnEnd on_end = std::move(on_end_);
  on_chunk_ = nullptr;
  std::move(on_end)({next_, last_}, end);
}

}  // namespace lacuna
