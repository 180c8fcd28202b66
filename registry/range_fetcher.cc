#include "registry/range_fetcher.h"

#include <iterator>
#include <utility>

namespace lacuna {

RangeFetcher::RangeFetcher(HttpTransport& transport, Limits limits)
    : transport_(transport), limits_(limits) {}

RangeFetcher::~RangeFetcher() {
  Queue cancelled;
  {
    MutexLock lock(mutex_);
    for (Queue& queue : queues_) cancelled.splice(cancelled.end(), queue);
    waiting_.clear();
  }
  for (const Waiting& waiting : cancelled) {
    waiting.request.sink->OnDone(absl::CancelledError("the fetcher is shutting down"));
  }
}

RangeFetcher::Queue& RangeFetcher::QueueOf(Priority priority) {
  return queues_[static_cast<size_t>(priority)];
}

int& RangeFetcher::RunningOf(Priority priority) {
  return priority == Priority::kDemand ? running_demand_ : running_background_;
}

FetchId RangeFetcher::Fetch(const RemoteBlob& blob, const ByteRange& range, Priority priority,
                            std::shared_ptr<RangeSink> sink) {
  FetchId id;
  {
    MutexLock lock(mutex_);
    id = FetchId(++last_id_);
    Queue& queue = QueueOf(priority);
    queue.push_back({id, {blob, range, priority, std::move(sink)}});
    waiting_[id] = std::prev(queue.end());
  }
  Pump();
  return id;
}

void RangeFetcher::Promote(FetchId id) {
  {
    MutexLock lock(mutex_);
    const auto found = waiting_.find(id);
    if (found == waiting_.end()) return;
    const Queue::iterator waiting = found->second;
    if (waiting->request.priority == Priority::kDemand) return;
    Queue& from = QueueOf(waiting->request.priority);
    waiting->request.priority = Priority::kDemand;
    // Behind the reads that were there before it. Iterators stay valid.
    QueueOf(Priority::kDemand).splice(QueueOf(Priority::kDemand).end(), from, waiting);
  }
  Pump();
}

// One thread pumps at a time, and not recursively: a transport that answers at once (a fake, or one that is
// shutting down) would otherwise nest one frame per waiting fetch.
void RangeFetcher::Pump() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(pumping_, true)) return;
  }
  while (true) {
    std::optional<RangeRequest> next;
    {
      MutexLock lock(mutex_);
      next = TakeNext();
      if (!next.has_value()) {
        pumping_ = false;
        return;
      }
    }
    Start(*std::move(next));
  }
}

std::optional<RangeRequest> RangeFetcher::TakeNext() {
  const bool demand_waits = !QueueOf(Priority::kDemand).empty();
  for (const Priority priority : {Priority::kDemand, Priority::kPrefetch, Priority::kFill}) {
    const bool demand = priority == Priority::kDemand;
    const int limit = demand ? limits_.demand_connections : limits_.prefetch_connections;
    Queue& queue = QueueOf(priority);
    if (queue.empty() || (!demand && demand_waits) || RunningOf(priority) >= limit) continue;
    RangeRequest request = std::move(queue.front().request);
    waiting_.erase(queue.front().id);
    queue.pop_front();
    ++RunningOf(priority);
    return request;
  }
  return std::nullopt;
}

void RangeFetcher::Start(RangeRequest request) {
  const Priority priority = request.priority;
  auto transfer =
      std::make_shared<RangeTransfer>(std::move(request), counters_, [this, priority] { OnEnd(priority); });
  HttpRequest http_request = transfer->MakeRequest();
  http_request.connect_timeout = limits_.connect_timeout;
  http_request.stall_timeout = limits_.stall_timeout;
  transport_.Issue(std::move(http_request), std::move(transfer));
}

void RangeFetcher::OnEnd(Priority priority) {
  {
    MutexLock lock(mutex_);
    --RunningOf(priority);
  }
  Pump();
}

}  // namespace lacuna
