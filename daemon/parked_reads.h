// The reads that wait for chunks: by chunk, so that an arrival finds whom to answer; by deadline, so that one
// timer serves all of them.
//
// Bookkeeping only: it answers nobody. Whatever it hands back the caller answers, outside its lock.
//
// Caller: BlobCache, under its mutex. Not thread-safe by itself. A parked read costs one map node and one
// more per chunk that it waits for (some 200 bytes in all), and no thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "cachefiles/pending_read.h"
#include "daemon/base/clock.h"

namespace lacuna {

// The deadline of a prefetch: nobody is blocked by it.
inline constexpr TimePoint kNoDeadline = TimePoint::max();

struct ParkedRead {
  PendingRead read;
  TimePoint deadline;
  uint64_t missing = 0;  // chunks it still waits for

  // Whether a process is blocked on it, as opposed to a prefetch.
  bool has_reader() const { return deadline != kNoDeadline; }
};

class ParkedReads {
 public:
  // `missing` is not empty: the chunks that `read` waits for.
  void Park(PendingRead read, TimePoint deadline, const std::vector<uint64_t>& missing);

  // `chunk` is here. Returns the reads for which it was the last.
  std::vector<ParkedRead> Arrived(uint64_t chunk);
  // `chunk` will not come. Returns every read that waits for it.
  std::vector<ParkedRead> Failed(uint64_t chunk);
  // Returns the reads whose deadline is not after `now`.
  std::vector<ParkedRead> TakeExpired(TimePoint now);
  std::vector<ParkedRead> TakeAll();

  // kNoDeadline when no reader waits.
  TimePoint next_deadline() const;
  // How many of the parked reads have a reader.
  uint64_t readers() const { return readers_; }
  // Reads and waits that are on the books: both 0 when nobody waits.
  size_t size() const { return reads_.size(); }
  size_t waits() const { return waits_.size(); }

 private:
  // Names a parked read; the earliest deadline comes first.
  using Ticket = std::pair<TimePoint, uint64_t>;
  using Reads = std::map<Ticket, ParkedRead>;

  std::vector<Ticket> TicketsFor(uint64_t chunk) const;
  // Strikes a read off all books.
  ParkedRead Take(Reads::iterator it);

  uint64_t next_number_ = 0;
  uint64_t readers_ = 0;
  Reads reads_;
  std::set<std::pair<uint64_t, Ticket>> waits_;  // (chunk, who waits for it)
};

}  // namespace lacuna
