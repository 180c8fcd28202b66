// One object of the cache: answers the kernel's reads from the backing file, and turns what is missing into
// fetches.
//
// The miss path (DESIGN.md section 4) is Bring() in blob_cache.cc: hit, else remembered failure, else join
// the flights that carry missing chunks, lead new ones for the rest, and park. No thread waits. Bytes arrive
// at a Flight, are stored on the worker pool, and each parked read is answered as soon as its own chunks are
// there, while the flight goes on behind it (blob_cache_arrival.cc). What follows presence — commit, digest,
// finish — is in blob_cache_commit.cc. An object whose bytes the kernel keeps has none of that; how we learn
// what is there is in blob_cache_kernel.cc.
//
// Callers: doors (through ObjectTable) call OnRead, Attach and Detach, control threads and the Prefetcher the
// rest. Thread-safe. OnRead, Attach, Detach and Prefetch never block; no callback is called and no read
// answered under the lock.
//
// Lifetime: flights, worker tasks and the commit timer hold the object by shared_ptr, so it lives until what
// it has begun is over and what has arrived is committed. They use Context; the destructor does not. Shut
// down in this order: Close every object, stop the door, end the transport's transfers, join the pool; then
// the fetcher, the store and the clock may go.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cachefiles/pending_read.h"
#include "daemon/base/clock.h"
#include "daemon/base/mutex.h"
#include "daemon/base/worker_pool.h"
#include "daemon/chunk_source.h"
#include "daemon/engine_stats.h"
#include "daemon/failed_chunks.h"
#include "daemon/flight.h"
#include "daemon/object_store.h"
#include "daemon/parked_reads.h"
#include "registry/range_fetcher.h"

namespace lacuna {

class BlobCache : public std::enable_shared_from_this<BlobCache> {
 public:
  enum class State {
    kFilling,   // chunks may be missing, or are not yet verified
    kFinished,  // from kFilling: complete, synced, digest checked, under its final name; where the kernel
                // keeps the bytes: complete, for now
    kFailed,    // from kFilling: the disk failed or the bytes were not the blob's; every read gets the reason
  };

  struct Options {
    Duration read_deadline = std::chrono::seconds(30);   // as seen by the reader
    Duration failure_memory = std::chrono::seconds(2);   // how long a chunk that failed is answered at once
    Duration commit_interval = std::chrono::seconds(1);  // group commit of the chunk map
  };

  // What an object works with; all outlive it (see "Lifetime" above).
  struct Context {
    RangeFetcher& fetcher;
    ObjectStore& store;
    WorkerPool& pool;
    Clock& clock;
    EngineStats& stats;
    Options options;
  };

  using Done = absl::AnyInvocable<void(const absl::Status&) &&>;

  // `stored` holds the object whose chunks `source` has.
  static std::shared_ptr<BlobCache> Create(const Context& context, ObjectKey key,
                                           std::shared_ptr<const ChunkSource> source, StoredObject stored);

  // The kernel has opened the object, whose bytes it keeps. What `file` has already is found out; who asks
  // waits for that.
  void Attach(const std::shared_ptr<KernelFile>& file);
  // The kernel has closed it: whoever waits gets an error. Nothing when `file` is not the one attached last.
  void Detach(const KernelFile& file);

  // Answers `read` when all its chunks are here, at once or later, or with an error by the read deadline.
  void OnRead(PendingRead read);

  // Brings `range` without a deadline. `done` is called exactly once, maybe from here, OK when all of it is
  // stored.
  void Prefetch(const ByteRange& range, Priority priority, Done done);

  // Fills `out` from `offset` by the same path as the kernel's reads, deadline included. Blocks: for the
  // daemon's own control threads only, never for a thread of a door, the clock, the transport or the pool.
  absl::Status ReadThrough(uint64_t offset, absl::Span<char> out);

  // Calls `done` once, when the object is finished (OK), has failed or is closed; maybe from here. Completion
  // is detected whoever brought the last chunk.
  void WhenFinished(Done done);

  // Answers all that is parked with `status`, and every later read too; commits the chunk map. Waits for
  // nothing from the network, but may block on the disk. Idempotent.
  void Close(const absl::Status& status);

  const ObjectKey& key() const { return key_; }
  uint64_t size() const { return size_; }  // bytes, a multiple of kBlockSize
  const std::shared_ptr<BackingFile>& file() const { return data_; }
  // Finished, and its bytes are those that its name says. Never so where the kernel keeps them, and lets
  // nobody read them back.
  bool digest_checked() const { return !kept_by_kernel() && state() == State::kFinished; }
  // No chunk was written that is not what an index says.
  bool chunks_checked() const { return source_->checks_chunks(); }
  bool kept_by_kernel() const { return kernel_ != nullptr; }
  bool open_in_kernel() const { return kept_by_kernel() && kernel_->file() != nullptr; }
  State state() const;
  // OK, or the reason with which every read is answered: the object has failed or is closed.
  absl::Status refusal() const;
  uint64_t present_bytes() const;
  uint64_t parked_reads() const;
  // The local file to use instead of the door; empty unless the object is finished.
  std::string finished_path() const;

 private:
  // What is known of the flight that carries a chunk, from its planning until the chunk is stored or has
  // failed. Guarded by the object's mutex_.
  struct Carrier {
    Priority priority;             // the most urgent of those who wait for it
    std::optional<FetchId> fetch;  // null until the fetcher has taken it
  };
  struct Launch {
    ChunkRange chunks;
    Priority priority;
    std::shared_ptr<Carrier> carrier;
  };
  // What a miss makes necessary; carried out after the lock is released.
  struct FetchPlan {
    std::vector<Launch> launches;
    std::vector<FetchId> promotions;
  };
  // Chunks that arrived and are not written yet, by number.
  struct Arrival {
    std::shared_ptr<Carrier> carrier;
    ChunkBuffer bytes;
  };
  using Arrivals = std::map<uint64_t, Arrival>;
  // Somebody who asked while it is not known what the kernel's file has.
  struct EarlyRead {
    PendingRead read;
    Priority priority;
    TimePoint deadline;
  };
  enum class CommitState {
    kIdle,       // from kRunning: nothing is left to commit
    kScheduled,  // from kIdle: a chunk arrived; from kRunning: more arrived, or the map could not be written
    kRunning,    // from kScheduled by the timer; from either by the last chunk, or complete when opened
  };

  BlobCache(const Context& context, ObjectKey key, std::shared_ptr<const ChunkSource> source,
            StoredObject stored);

  // The miss path. Any thread that asks.
  void Bring(PendingRead read, Priority priority, TimePoint deadline, bool confirmed = false);
  // Hit: OK. Refused, or failed a moment ago: why. Null when the read has to wait.
  std::optional<absl::Status> AnswerNow(const std::vector<uint64_t>& missing, bool has_reader)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Whoever brings these chunks brings those of them that nobody else does.
  void Claim(const ChunkRange& chunks, const std::shared_ptr<Carrier>& carrier)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  FetchPlan JoinOrLead(const std::vector<uint64_t>& missing, Priority priority)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Lead(const std::vector<uint64_t>& uncarried, Priority priority, FetchPlan& plan)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Who misses right behind what is here, or on its way, is taken for a reader that goes on: as much again is
  // prefetched.
  std::vector<uint64_t> Ahead(const ChunkRange& flight) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsComing(uint64_t chunk) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CarryOut(const FetchPlan& plan);
  void StartFlight(const Launch& launch);
  // Of a flight that somebody waits for: as the reader's own who began it.
  TimePoint FetchDeadline() const;

  // What comes back. The pool's threads, ChunkArrived and ChunksFailed also the transport's.
  void ChunkArrived(uint64_t chunk, Arrival arrival);
  void StoreArrivals();
  Arrivals TakeAdjacentArrivals() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  static BlockAlignedBuffer Join(const Arrivals& arrivals);
  void Store(const Arrivals& arrivals);
  // `file` is what they were written to if the kernel keeps the bytes; Unavailable when that is closed by
  // now.
  absl::Status ChunksStored(const ChunkRange& chunks, const std::shared_ptr<KernelFile>& file);
  void ChunksFailed(const Carrier& carrier, const ChunkRange& chunks, const absl::Status& cause);

  // Deadlines. The clock's thread.
  void ArmDeadlineTimer(TimePoint when);
  void OnDeadlineTimer(TimePoint when);

  // Commit, verify, finish (blob_cache_commit.cc). The pool's threads.
  void ScheduleCommit();
  void ArmCommitTimer();
  void RunCommit();
  // `committed` chunks were present when the commit that ended with `status` began.
  void AfterCommit(const absl::Status& status, uint64_t committed);
  void Verify(const std::shared_ptr<ObjectVerifier>& verifier);
  void Finish();
  // The disk may be full: `step` is run again after a commit interval, if somebody still uses the object.
  void RetryLater(const absl::Status& status, void (BlobCache::*step)());
  void Fail(const absl::Status& cause);
  void DropFiles();

  // An object whose bytes the kernel keeps (blob_cache_kernel.cc). The pool's threads, or as said.
  void Scan(const std::shared_ptr<KernelFile>& file);
  // Of a read that the kernel would not have asked for if its file had what our map says: asks the file, then
  // brings what it has not. Any thread.
  void Confirm(PendingRead read, TimePoint deadline);
  void ForgetWhatIsLost(const ByteRange& range);
  void TellIfComplete();
  void MarkWholeChunks(const ByteRange& data) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // What reads as zeros where nothing was written.
  void MarkZeros();
  absl::Status Closed() const;

  // refusal(). A map that has lost its bits refuses by itself, before Fail() gets to it.
  absl::Status Refusal() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::vector<uint64_t> Missing(const ByteRange& range) const;
  absl::Status OutOfObject(const ByteRange& range) const;
  void Answer(PendingRead read, const absl::Status& status, bool has_reader);
  // All who wait for chunks, or to ask for them.
  std::vector<ParkedRead> TakeAllReads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void AnswerAll(std::vector<ParkedRead> reads, const absl::Status& status);

  const Context context_;
  const ObjectKey key_;
  const std::shared_ptr<const ChunkSource> source_;
  const uint64_t size_;
  const std::shared_ptr<BackingFile> data_;
  const std::unique_ptr<ChunkMap> map_;         // null when the object was finished when opened
  const std::shared_ptr<KernelObject> kernel_;  // data_, when the kernel keeps the bytes

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_);
  absl::Status refusal_ ABSL_GUARDED_BY(mutex_);  // not OK once failed or closed
  ParkedReads parked_ ABSL_GUARDED_BY(mutex_);
  FailedChunks failed_ ABSL_GUARDED_BY(mutex_);
  std::unordered_map<uint64_t, std::shared_ptr<Carrier>> carriers_ ABSL_GUARDED_BY(mutex_);  // by chunk
  Arrivals arrivals_ ABSL_GUARDED_BY(mutex_);
  bool storing_ ABSL_GUARDED_BY(mutex_) = false;   // a task of the pool is at the arrivals
  bool scanning_ ABSL_GUARDED_BY(mutex_) = false;  // it is being found out what the kernel's file has
  std::vector<EarlyRead> early_reads_ ABSL_GUARDED_BY(mutex_);      // who asked meanwhile
  TimePoint deadline_timer_ ABSL_GUARDED_BY(mutex_) = kNoDeadline;  // when it will ring
  CommitState commit_ ABSL_GUARDED_BY(mutex_) = CommitState::kIdle;
  bool in_trouble_ ABSL_GUARDED_BY(mutex_) = false;  // the last commit or finish failed, and that is logged
  bool verifying_ ABSL_GUARDED_BY(mutex_) = false;   // the digest check has begun
  std::vector<Done> watchers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
