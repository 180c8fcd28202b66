// The local sparse file behind an object, as the engine and the doors see it.
//
// Thread-safe: calls at disjoint ranges may run at once. Never a short read or write reported as success.
// Implementations: PosixBackingFile (posix_backing_file.h), tests/fakes/faulty_backing_file.h.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "daemon/base/byte_range.h"

namespace lacuna {

class BackingFile {
 public:
  virtual ~BackingFile() = default;

  // Writes all of `bytes` at `offset` (a multiple of kBlockSize). ResourceExhausted when the disk is full.
  virtual absl::Status WriteAt(uint64_t offset, absl::Span<const char> bytes) = 0;
  // Fills all of `out` from `offset`. OutOfRange when the file ends before.
  virtual absl::Status ReadAt(uint64_t offset, absl::Span<char> out) = 0;
  // Returns OK only when everything written before is on the disk (fdatasync). After an error the file's
  // content is unknown, also where a later Sync succeeds: the caller drops the object.
  virtual absl::Status Sync() = 0;
  // Gives the range's disk space back; it reads as zeros afterwards.
  virtual absl::Status PunchHole(const ByteRange& range) = 0;
};

}  // namespace lacuna
