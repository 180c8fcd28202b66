#include "daemon/blob_cache.h"

#include <algorithm>
#include <future>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/duration.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

// Chunks; one flight.
constexpr uint64_t kMaxReadAhead = kMaxFlightBytes / kChunkSize;

}  // namespace

std::shared_ptr<BlobCache> BlobCache::Create(const Context& context, ObjectKey key,
                                             std::shared_ptr<const ChunkSource> source, StoredObject stored) {
  std::shared_ptr<BlobCache> cache(
      new BlobCache(context, std::move(key), std::move(source), std::move(stored)));
  if (cache->map_ != nullptr && !cache->kept_by_kernel()) cache->MarkZeros();
  // A daemon ended between the last chunk and the finish.
  if (cache->map_ != nullptr && !cache->kept_by_kernel() && cache->map_->AllPresent()) {
    context.pool.Submit([cache] { cache->RunCommit(); });
  }
  return cache;
}

BlobCache::BlobCache(const Context& context, ObjectKey key, std::shared_ptr<const ChunkSource> source,
                     StoredObject stored)
    : context_(context),
      key_(std::move(key)),
      source_(std::move(source)),
      size_(source_->object_size()),
      data_(std::move(stored.data)),
      map_(std::move(stored.map)),
      kernel_(std::move(stored.kernel)),
      state_(map_ != nullptr ? State::kFilling : State::kFinished),
      failed_(context.options.failure_memory) {}

void BlobCache::OnRead(PendingRead read) {
  const TimePoint deadline = context_.clock.Now() + context_.options.read_deadline - read.waited();
  Bring(std::move(read), Priority::kDemand, deadline);
}

void BlobCache::Prefetch(const ByteRange& range, Priority priority, Done done) {
  Bring(PendingRead(ObjectId{}, range, std::move(done)), priority, kNoDeadline);
}

void BlobCache::Bring(PendingRead read, Priority priority, TimePoint deadline, bool confirmed) {
  const bool has_reader = deadline != kNoDeadline;
  const ByteRange range = read.range();
  if (range.offset > size_ || range.length > size_ - range.offset) {
    return Answer(std::move(read), OutOfObject(range), has_reader);
  }
  std::optional<absl::Status> answer;
  FetchPlan plan;
  bool arm_timer = false;
  bool doubtful = false;
  {
    MutexLock lock(mutex_);
    if (scanning_) return early_reads_.push_back({std::move(read), priority, deadline});
    // Chunks become present, and are let go by their flights, under this same lock: one that is neither
    // present nor carried now has to be fetched, and nobody else is about to.
    const std::vector<uint64_t> missing = Missing(range);
    // The kernel asks for holes only: it must be told where it and our map differ.
    doubtful = kept_by_kernel() && has_reader && !confirmed && missing.size() < ChunksOf(range).size();
    if (!doubtful) answer = AnswerNow(missing, has_reader);
    if (!doubtful && !answer.has_value()) {
      plan = JoinOrLead(missing, priority);
      parked_.Park(std::move(read), deadline, missing);
      arm_timer = deadline < deadline_timer_;
      if (arm_timer) deadline_timer_ = deadline;
    }
  }
  // NOLINTBEGIN(bugprone-use-after-move): it was parked only if there is neither doubt nor answer.
  if (doubtful) return Confirm(std::move(read), deadline);
  if (answer.has_value()) return Answer(std::move(read), *answer, has_reader);
  // NOLINTEND(bugprone-use-after-move)
  if (has_reader) ++context_.stats.misses;
  if (arm_timer) ArmDeadlineTimer(deadline);
  CarryOut(plan);
}

std::optional<absl::Status> BlobCache::AnswerNow(const std::vector<uint64_t>& missing, bool has_reader) {
  if (absl::Status refusal = Refusal(); !refusal.ok()) return refusal;
  if (missing.empty()) return absl::OkStatus();
  // A prefetch has no reader whom a further try could keep waiting.
  if (!has_reader) return std::nullopt;
  const absl::Status failure = failed_.Find(missing, context_.clock.Now());
  return failure.ok() ? std::nullopt : std::make_optional(failure);
}

BlobCache::FetchPlan BlobCache::JoinOrLead(const std::vector<uint64_t>& missing, Priority priority) {
  FetchPlan plan;
  std::vector<uint64_t> uncarried;
  for (uint64_t chunk : missing) {
    const auto it = carriers_.find(chunk);
    if (it == carriers_.end()) {
      uncarried.push_back(chunk);
    } else if (Carrier& carrier = *it->second; priority < carrier.priority) {
      carrier.priority = priority;
      const bool promote = priority == Priority::kDemand && carrier.fetch.has_value();
      if (promote) plan.promotions.push_back(*carrier.fetch);
    }
  }
  if (uncarried.empty()) return plan;
  Lead(uncarried, priority, plan);
  if (priority == Priority::kDemand) Lead(Ahead(plan.launches.back().chunks), Priority::kPrefetch, plan);
  return plan;
}

void BlobCache::Lead(const std::vector<uint64_t>& uncarried, Priority priority, FetchPlan& plan) {
  for (const ChunkRange& chunks : source_->PlanFlights(uncarried)) {
    auto carrier = std::make_shared<Carrier>(Carrier{.priority = priority, .fetch = std::nullopt});
    Claim(chunks, carrier);
    plan.launches.push_back({chunks, priority, std::move(carrier)});
  }
}

std::vector<uint64_t> BlobCache::Ahead(const ChunkRange& flight) const {
  std::vector<uint64_t> chunks;
  uint64_t behind = 0;
  while (behind < std::min(flight.first, kMaxReadAhead) && IsComing(flight.first - behind - 1)) ++behind;
  const uint64_t end = std::min(flight.last + behind, ChunksOf({0, size_}).last);
  for (uint64_t chunk = flight.last; chunk < end && !IsComing(chunk); ++chunk) chunks.push_back(chunk);
  return chunks;
}

bool BlobCache::IsComing(uint64_t chunk) const {
  return map_->IsPresent(chunk) || carriers_.contains(chunk);
}

void BlobCache::Claim(const ChunkRange& chunks, const std::shared_ptr<Carrier>& carrier) {
  for (uint64_t chunk = chunks.first; chunk < chunks.last; ++chunk) {
    if (!map_->IsPresent(chunk)) carriers_.try_emplace(chunk, carrier);
  }
}

void BlobCache::CarryOut(const FetchPlan& plan) {
  for (FetchId fetch : plan.promotions) context_.fetcher.Promote(fetch, FetchDeadline());
  for (const Launch& launch : plan.launches) StartFlight(launch);
}

void BlobCache::StartFlight(const Launch& launch) {
  const std::optional<FetchId> fetch = source_->Fetch(
      context_.fetcher, context_.pool, {launch.chunks, launch.priority, FetchDeadline()},
      [self = shared_from_this(), carrier = launch.carrier](uint64_t chunk, ChunkBuffer bytes) {
        self->ChunkArrived(chunk, {carrier, std::move(bytes)});
      },
      [self = shared_from_this(), carrier = launch.carrier](const ChunkRange& lost,
                                                            const absl::Status& status) {
        self->ChunksFailed(*carrier, lost, status);
      });
  if (!fetch.has_value()) return;
  bool promote = false;
  {
    MutexLock lock(mutex_);
    launch.carrier->fetch = fetch;
    // A demand read met the flight before its number was known.
    promote = launch.carrier->priority < launch.priority && launch.carrier->priority == Priority::kDemand;
  }
  if (promote) context_.fetcher.Promote(*fetch, FetchDeadline());
}

TimePoint BlobCache::FetchDeadline() const {
  return context_.clock.Now() + context_.options.read_deadline;
}

void BlobCache::ArmDeadlineTimer(TimePoint when) {
  context_.clock.RunAt(when, [weak = weak_from_this(), when] {
    if (const std::shared_ptr<BlobCache> self = weak.lock()) self->OnDeadlineTimer(when);
  });
}

void BlobCache::OnDeadlineTimer(TimePoint when) {
  const absl::Status reason =
      absl::DeadlineExceededError(absl::StrCat("object ", key_.text(), ": nothing from ", source_->host(),
                                               " within ", FormatDuration(context_.options.read_deadline)));
  std::vector<ParkedRead> expired;
  TimePoint next;
  {
    MutexLock lock(mutex_);
    if (when != deadline_timer_) return;  // a read with an earlier deadline has set another since
    const TimePoint now = context_.clock.Now();
    expired = parked_.TakeExpired(now);
    // The kernel will ask again at once. The flight goes on, and wins if it arrives.
    for (const ParkedRead& parked : expired) {
      for (uint64_t chunk : Missing(parked.read.range())) failed_.Remember(chunk, reason, now);
    }
    next = deadline_timer_ = parked_.next_deadline();
  }
  if (next != kNoDeadline) ArmDeadlineTimer(next);
  if (!expired.empty()) LogWarning(reason.message(), " (", expired.size(), " reads)");
  AnswerAll(std::move(expired), reason);
}

absl::Status BlobCache::ReadThrough(uint64_t offset, absl::Span<char> out) {
  auto answer = std::make_shared<std::promise<absl::Status>>();
  std::future<absl::Status> answered = answer->get_future();
  OnRead(PendingRead(ObjectId{}, {offset, out.size()},
                     [answer](const absl::Status& status) { answer->set_value(status); }));
  RETURN_IF_ERROR(answered.get());
  RETURN_IF_ERROR(data_->ReadAt(offset, out));
  return refusal();  // it may have failed since
}

BlobCache::State BlobCache::state() const {
  MutexLock lock(mutex_);
  if (kept_by_kernel() && state_ == State::kFilling && map_->AllPresent()) return State::kFinished;
  return state_;
}

absl::Status BlobCache::refusal() const {
  MutexLock lock(mutex_);
  return Refusal();
}

absl::Status BlobCache::Refusal() const {
  return refusal_.ok() && map_ != nullptr ? map_->failure() : refusal_;
}

uint64_t BlobCache::present_bytes() const {
  return map_ != nullptr ? map_->present_bytes() : size_;
}

uint64_t BlobCache::parked_reads() const {
  MutexLock lock(mutex_);
  return parked_.readers();
}

std::string BlobCache::finished_path() const {
  return digest_checked() ? context_.store.FinishedPath(key_) : "";
}

std::vector<uint64_t> BlobCache::Missing(const ByteRange& range) const {
  return map_ != nullptr ? map_->Missing(ChunksOf(range)) : std::vector<uint64_t>();
}

absl::Status BlobCache::OutOfObject(const ByteRange& range) const {
  return absl::OutOfRangeError(
      absl::StrCat("object ", key_.text(), " has ", size_, " bytes, none at ", ToString(range)));
}

void BlobCache::Answer(PendingRead read, const absl::Status& status, bool has_reader) {
  if (has_reader && !status.ok()) ++context_.stats.errors;
  std::move(read).Complete(status);
}

std::vector<ParkedRead> BlobCache::TakeAllReads() {
  std::vector<ParkedRead> reads = parked_.TakeAll();
  for (EarlyRead& early : early_reads_) reads.push_back({std::move(early.read), early.deadline});
  early_reads_.clear();
  return reads;
}

void BlobCache::AnswerAll(std::vector<ParkedRead> reads, const absl::Status& status) {
  for (ParkedRead& parked : reads) Answer(std::move(parked.read), status, parked.has_reader());
}

}  // namespace lacuna
