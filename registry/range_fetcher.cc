#include "registry/range_fetcher.h"

#include <algorithm>
#include <utility>

#include "registry/range_transfer.h"

namespace lacuna {

FetchId RangeFetcher::Fetch(const RemoteBlob& blob, const ByteRange& range, Priority priority,
                            TimePoint deadline, std::shared_ptr<RangeSink> sink) {
  FetchId id;
  {
    MutexLock lock(running_->mutex);
    id = FetchId(++running_->last_id);
    running_->exchanges[id];
  }
  const auto on_end = [running = running_, id] {
    MutexLock lock(running->mutex);
    running->exchanges.erase(id);
  };
  const bool demand = priority == Priority::kDemand;
  RegistryRequest request{
      .path = blob.repository.BlobPath(blob.digest),
      .scope = blob.repository.Scope("pull"),
      // Without it a server may compress (RFC 9110 section 12.5.3), and ranges would be of that.
      .headers = {{"Accept-Encoding", "identity"}},
      .priority = priority,
      .persistence = demand ? of_demand_ : std::min(of_demand_, Persistence::kAFewTimes),
      .deadline = demand ? deadline : TimePoint::max()};
  auto transfer = std::make_shared<RangeTransfer>(blob, range, priority, std::move(sink), counters_, on_end);
  const std::shared_ptr<Exchange> exchange =
      blob.repository.registry->Send(std::move(request), std::move(transfer));
  MutexLock lock(running_->mutex);
  if (const auto found = running_->exchanges.find(id); found != running_->exchanges.end())
    found->second = exchange;
  return id;
}

void RangeFetcher::Promote(FetchId id, TimePoint deadline) {
  std::shared_ptr<Exchange> exchange;
  {
    MutexLock lock(running_->mutex);
    const auto found = running_->exchanges.find(id);
    if (found != running_->exchanges.end()) exchange = found->second.lock();
  }
  if (exchange != nullptr) exchange->Promote(deadline, of_demand_);
}

}  // namespace lacuna
