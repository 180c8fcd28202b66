// Which chunks of an object are here: one bit per 64 KiB chunk, in memory at once, on disk by group commit.
//
// "Present" means written and readable in this process, or written and synced before the map was (DESIGN.md
// section 5). What a crash forgets is fetched again; nothing is ever invented. Holes of the backing file are
// never consulted. The bytes on disk: chunk_map_format.h.
//
// An object whose bytes the kernel keeps (KernelFile) has a map in memory only: there the holes are the
// truth, and the map is what we know of them.
//
// Callers: the engine (BlobCache) marks and asks; its commit runs on a worker. Thread-safe. Only Commit
// waits for a disk; the others never wait for a Commit that does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/mutex.h"

namespace lacuna {

class ChunkMap {
 public:
  // What Open found on the disk.
  enum class Origin { kNew, kLoaded, kDamaged };

  // The largest object, in bytes: 16 Mi chunks, whose map takes 2 MiB of memory.
  static constexpr uint64_t kMaxObjectSize = uint64_t{1} << 40;
  // InvalidArgument when it is larger.
  static absl::Status CheckObjectSize(uint64_t object_size);

  // `map_file` holds the map of an object of `object_size` bytes; an empty file is a new map. A file in which
  // no slot is whole, or that belongs to another size, starts empty and is reported as kDamaged.
  // InvalidArgument for an object larger than kMaxObjectSize; an error of reading `map_file` as it is.
  static absl::StatusOr<std::unique_ptr<ChunkMap>> Open(std::unique_ptr<BackingFile> map_file,
                                                        uint64_t map_file_size, uint64_t object_size);

  // All missing, never committed, and chunks may be forgotten. `object_size` is at most kMaxObjectSize.
  static std::unique_ptr<ChunkMap> InMemory(uint64_t object_size);

  Origin origin() const { return origin_; }
  uint64_t object_size() const { return object_size_; }

  // Chunks past the end of the object are never present, and not missing either.
  bool IsPresent(uint64_t chunk) const;
  // The chunks of `chunks` that are not present, ascending.
  std::vector<uint64_t> Missing(const ChunkRange& chunks) const;
  bool AllPresent() const;
  uint64_t present_chunks() const;
  uint64_t present_bytes() const;

  // The chunk's bytes are in the backing file. Does nothing after a failed sync of the data (see Commit).
  void MarkPresent(uint64_t chunk);
  // The chunks are not, or no longer, in the kernel's file. Of a map in memory only: what was committed is
  // for good.
  void Forget(const ChunkRange& chunks);

  // Syncs `data`, then writes and syncs the bits that were set before the call. Does nothing when nothing
  // changed since the last commit. Concurrent calls take turns.
  //
  // When syncing `data` fails, nothing of this map may be trusted again: all bits are dropped, also on disk,
  // MarkPresent does nothing from then on, and this and every later Commit return the error. The caller drops
  // the object; it must, if the message says that the map on disk could not be wiped.
  // When only the map cannot be written (disk full), the bits stay, and a later Commit tries again.
  absl::Status Commit(BackingFile& data);

  // Not OK once syncing the data has failed. Set together with the loss of the bits: who sees bits missing
  // sees this.
  absl::Status failure() const;

 private:
  ChunkMap(std::unique_ptr<BackingFile> map_file, uint64_t object_size);

  absl::Status Load(uint64_t map_file_size);
  absl::Status WriteSlot(std::vector<uint64_t> words) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  absl::Status Fail(const absl::Status& cause) ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  void Drop(absl::Status failure);
  absl::Status WipeSlots() ABSL_EXCLUSIVE_LOCKS_REQUIRED(commit_mutex_);
  bool Test(uint64_t chunk) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after Open.
  const std::unique_ptr<BackingFile> map_file_;  // null for a map in memory only
  const uint64_t object_size_;
  const uint64_t chunk_count_;
  Origin origin_ = Origin::kNew;

  // Held for a whole commit, disk included. Taken before mutex_.
  Mutex commit_mutex_;
  uint64_t generation_ ABSL_GUARDED_BY(commit_mutex_) = 0;        // of the slot written last
  uint64_t next_slot_ ABSL_GUARDED_BY(commit_mutex_) = 0;         // never the one that holds generation_
  uint64_t committed_chunks_ ABSL_GUARDED_BY(commit_mutex_) = 0;  // bits only get set: a count tells all

  // Held for moments only.
  mutable Mutex mutex_;
  std::vector<uint64_t> words_ ABSL_GUARDED_BY(mutex_);  // bit i of word w is chunk 64w + i
  uint64_t present_chunks_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);  // why the data cannot be trusted
};

}  // namespace lacuna
