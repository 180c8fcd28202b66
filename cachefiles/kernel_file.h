// The backing file of an open object on a door whose kernel side owns it (cachefiles): the kernel reads it by
// itself and asks only for holes.
//
// Made by the door for each open, used by the engine until the object is closed; every call fails with
// Unavailable after that. Thread-safe. ReadAt is Unimplemented: the kernel lets nobody read through its
// descriptor (KERNEL.md section 1.8). Sync does nothing: what is durable when is the kernel's affair.
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "cachefiles/backing_file.h"

namespace lacuna {

class KernelFile : public BackingFile {
 public:
  // The parts of `range` that are not holes, ascending and apart: exactly what the kernel will not ask for.
  // May block on the disk.
  virtual absl::StatusOr<std::vector<ByteRange>> DataIn(const ByteRange& range) = 0;
};

}  // namespace lacuna
