#include "daemon/failed_chunks.h"

namespace lacuna {

void FailedChunks::Remember(uint64_t chunk, const absl::Status& reason, TimePoint now) {
  DropExpired(now);
  const TimePoint until = now + memory_;
  failures_[chunk] = {reason, until};
  expiries_.emplace_back(until, chunk);
}

absl::Status FailedChunks::Find(const std::vector<uint64_t>& chunks, TimePoint now) {
  DropExpired(now);
  if (failures_.empty()) return absl::OkStatus();
  for (uint64_t chunk : chunks) {
    if (const auto it = failures_.find(chunk); it != failures_.end()) return it->second.reason;
  }
  return absl::OkStatus();
}

void FailedChunks::DropExpired(TimePoint now) {
  while (!expiries_.empty() && expiries_.front().first <= now) {
    const auto it = failures_.find(expiries_.front().second);
    // A chunk that failed again meanwhile has a later entry of its own.
    if (it != failures_.end() && it->second.until <= now) failures_.erase(it);
    expiries_.pop_front();
  }
}

}  // namespace lacuna
