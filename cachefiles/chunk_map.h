// Which chunks of an object are here: one bit per 64 KiB chunk, in memory at once, on disk by group commit.
//
// "Present" means written and readable in this process, or written and synced before the map was (DESIGN.md
// section 5). What a crash forgets is fetched again; nothing is ever invented. Holes of the backing file are
// never consulted.
//
// Callers: the engine (BlobCache) marks and asks; its commit runs on a worker. Thread-safe.
//
// On disk (format version 1, little-endian), two slots of equal size, written in turn, so that a torn write
// leaves the other:
//   header 64 bytes: magic "LACUNAMP", u32 version, u32 chunk size, u64 object size, u64 generation, u64
//   bitmap bytes,
//                    padding; then SHA-256 over header (with this field zero) and bitmap in its last 32 bytes
//   bitmap, bit i of byte j = chunk 8j + i; the slot is padded to 4096 bytes.
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

  // `map_file` holds the map of an object of `object_size` bytes; an empty file is a new map. A file in which
  // no slot is whole, or that belongs to another size, starts empty and is reported as kDamaged.
  static absl::StatusOr<std::unique_ptr<ChunkMap>> Open(std::unique_ptr<BackingFile> map_file,
                                                        uint64_t map_file_size, uint64_t object_size);

  Origin origin() const { return origin_; }
  uint64_t object_size() const { return object_size_; }

  bool IsPresent(uint64_t chunk) const;
  // The chunks of `chunks` that are not present, ascending.
  std::vector<uint64_t> Missing(const ChunkRange& chunks) const;
  bool AllPresent() const;
  uint64_t present_chunks() const;
  uint64_t present_bytes() const;

  // The chunk's bytes are in the backing file.
  void MarkPresent(uint64_t chunk);

  // Syncs `data`, then writes and syncs the bits that were set before the call. Does nothing when nothing
  // changed since the last commit. On an error of `data`'s sync nothing of this map may be trusted again: all
  // bits are dropped, also on disk, and the error is returned; the caller drops the object.
  absl::Status Commit(BackingFile& data);

 private:
  ChunkMap(std::unique_ptr<BackingFile> map_file, uint64_t object_size);
};

}  // namespace lacuna
