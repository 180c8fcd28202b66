// BlobCache's way back: chunks arrive from a flight, are written, and answer who waits for them.
//
//   1. ChunkArrived    the transport's thread: queued, and a worker called
//   2. StoreArrivals   a worker: what lies side by side goes into one write
//   3. ChunksStored    present; each read for which it was the last chunk is answered
//      ChunksFailed    or told why not
#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "daemon/blob_cache.h"

namespace lacuna {
namespace {

// One write at most this long. A reader's chunk may have to wait for one that is under way.
constexpr uint64_t kMaxWriteBytes = 1024 * 1024;

}  // namespace

void BlobCache::ChunkArrived(uint64_t chunk, Arrival arrival) {
  {
    MutexLock lock(mutex_);
    const auto it = carriers_.find(chunk);
    if (it == carriers_.end() || it->second != arrival.carrier)
      return;  // it came along, and is here or coming
    arrivals_.emplace(chunk, std::move(arrival));
    if (std::exchange(storing_, true)) return;
  }
  context_.pool.Submit([self = shared_from_this()] { self->StoreArrivals(); });
}

// One write at a time: what arrives while the disk is at it goes into the next one together.
void BlobCache::StoreArrivals() {
  Arrivals arrivals;
  {
    MutexLock lock(mutex_);
    arrivals = TakeAdjacentArrivals();
  }
  Store(arrivals);
  {
    MutexLock lock(mutex_);
    storing_ = !arrivals_.empty();
    if (!storing_) return;
  }
  // By the queue: other objects have their turn in between.
  context_.pool.Submit([self = shared_from_this()] { self->StoreArrivals(); });
}

BlobCache::Arrivals BlobCache::TakeAdjacentArrivals() {
  // What a reader waits for goes first.
  auto next = std::find_if(arrivals_.begin(), arrivals_.end(), [](const auto& item) {
    return item.second.carrier->priority == Priority::kDemand;
  });
  if (next == arrivals_.end()) next = arrivals_.begin();
  Arrivals taken;
  for (uint64_t chunk = next->first; next != arrivals_.end() && next->first == chunk; ++chunk) {
    if (taken.size() == kMaxWriteBytes / kChunkSize) break;
    taken.insert(arrivals_.extract(next++));
  }
  return taken;
}

BlockAlignedBuffer BlobCache::Join(const Arrivals& arrivals) {
  BlockAlignedBuffer bytes;
  bytes.reserve(arrivals.size() * kChunkSize);
  for (const auto& [chunk, arrival] : arrivals) {
    bytes.insert(bytes.end(), arrival.bytes.begin(), arrival.bytes.end());
  }
  return bytes;
}

void BlobCache::Store(const Arrivals& arrivals) {
  const ChunkRange chunks = {arrivals.begin()->first, arrivals.rbegin()->first + 1};
  const std::shared_ptr<KernelFile> file = kept_by_kernel() ? kernel_->file() : nullptr;
  absl::Status stored = refusal();
  if (stored.ok()) {
    const uint64_t offset = chunks.first * kChunkSize;
    stored = arrivals.size() == 1 ? data_->WriteAt(offset, arrivals.begin()->second.bytes)
                                  : data_->WriteAt(offset, Join(arrivals));
  }
  if (stored.ok()) stored = ChunksStored(chunks, file);
  if (stored.ok()) return;
  for (const auto& [chunk, arrival] : arrivals) ChunksFailed(*arrival.carrier, {chunk, chunk + 1}, stored);
}

absl::Status BlobCache::ChunksStored(const ChunkRange& chunks, const std::shared_ptr<KernelFile>& file) {
  std::vector<ParkedRead> ready;
  {
    MutexLock lock(mutex_);
    // Closed, or opened anew, while they were written: nobody knows where they are.
    if (kept_by_kernel() && kernel_->file() != file) return Closed();
    for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) carriers_.erase(chunk);
    if (!Refusal().ok()) return absl::OkStatus();  // whoever waits gets that answer
    for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) {
      map_->MarkPresent(chunk);
      failed_.Forget(chunk);
      std::vector<ParkedRead> complete = parked_.Arrived(chunk);
      std::move(complete.begin(), complete.end(), std::back_inserter(ready));
    }
  }
  AnswerAll(std::move(ready), absl::OkStatus());
  kept_by_kernel() ? TellIfComplete() : ScheduleCommit();
  return absl::OkStatus();
}

void BlobCache::ChunksFailed(const Carrier& carrier, const ChunkRange& chunks, const absl::Status& cause) {
  if (chunks.empty()) return;
  const absl::Status reason =
      Annotate(cause, absl::StrCat("object ", key_.text(), " ", ToString(BytesOf(chunks, size_))));
  std::vector<ParkedRead> failed;
  bool told = false;
  {
    MutexLock lock(mutex_);
    std::vector<uint64_t> carried;
    for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) {
      const auto it = carriers_.find(chunk);
      if (it == carriers_.end() || it->second.get() != &carrier) continue;
      carriers_.erase(it);
      carried.push_back(chunk);
    }
    if (carried.empty() || !Refusal().ok()) return;  // whoever waits gets that answer
    const TimePoint now = context_.clock.Now();
    for (const uint64_t chunk : carried) {
      // What only the background asked for is not held against a reader, who has not tried yet.
      if (carrier.priority == Priority::kDemand) failed_.Remember(chunk, reason, now);
      std::vector<ParkedRead> waiting = parked_.Failed(chunk);
      std::move(waiting.begin(), waiting.end(), std::back_inserter(failed));
    }
    // Of readers who have had their answer already, all at once, one line said enough.
    told = failed.empty() && carrier.priority == Priority::kDemand;
  }
  told ? LogDebug(reason.message()) : LogWarning(reason.message());
  AnswerAll(std::move(failed), reason);
}

}  // namespace lacuna
