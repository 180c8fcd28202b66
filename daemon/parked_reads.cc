#include "daemon/parked_reads.h"

#include <iterator>

namespace lacuna {

void ParkedReads::Park(PendingRead read, TimePoint deadline, const std::vector<uint64_t>& missing) {
  const Ticket ticket{deadline, next_number_++};
  for (uint64_t chunk : missing) waits_.emplace(chunk, ticket);
  ParkedRead parked{std::move(read), deadline, missing.size()};
  readers_ += parked.has_reader();
  reads_.emplace(ticket, std::move(parked));
}

std::vector<ParkedRead> ParkedReads::Arrived(uint64_t chunk) {
  std::vector<ParkedRead> complete;
  for (const Ticket& ticket : TicketsFor(chunk)) {
    const auto it = reads_.find(ticket);
    waits_.erase({chunk, ticket});
    if (--it->second.missing == 0) complete.push_back(Take(it));
  }
  return complete;
}

std::vector<ParkedRead> ParkedReads::Failed(uint64_t chunk) {
  std::vector<ParkedRead> failed;
  for (const Ticket& ticket : TicketsFor(chunk)) failed.push_back(Take(reads_.find(ticket)));
  return failed;
}

std::vector<ParkedRead> ParkedReads::TakeExpired(TimePoint now) {
  std::vector<ParkedRead> expired;
  while (readers_ > 0 && next_deadline() <= now) expired.push_back(Take(reads_.begin()));
  return expired;
}

std::vector<ParkedRead> ParkedReads::TakeAll() {
  std::vector<ParkedRead> all;
  all.reserve(reads_.size());
  while (!reads_.empty()) all.push_back(Take(reads_.begin()));
  return all;
}

TimePoint ParkedReads::next_deadline() const {
  return reads_.empty() ? kNoDeadline : reads_.begin()->first.first;
}

std::vector<ParkedReads::Ticket> ParkedReads::TicketsFor(uint64_t chunk) const {
  std::vector<Ticket> tickets;
  for (auto it = waits_.lower_bound({chunk, {TimePoint::min(), 0}}); it != waits_.end() && it->first == chunk;
       ++it) {
    tickets.push_back(it->second);
  }
  return tickets;
}

ParkedRead ParkedReads::Take(Reads::iterator it) {
  const Ticket ticket = it->first;
  ParkedRead parked = std::move(it->second);
  reads_.erase(it);
  readers_ -= parked.has_reader();
  // The waits that remain lie within the read's range; a read with none left needs no search.
  const ChunkRange chunks = ChunksOf(parked.read.range());
  for (uint64_t chunk = chunks.first; parked.missing > 0 && chunk < chunks.last; ++chunk) {
    parked.missing -= waits_.erase({chunk, ticket});
  }
  return parked;
}

}  // namespace lacuna
