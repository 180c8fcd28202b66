// A blob's bytes from front to back, wherever it is: in a registry (blob_stream.h) or a file
// (layout_image.h).
//
// Used by one thread at a time, which may wait.
#pragma once

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace lacuna {

class BlobReader {
 public:
  virtual ~BlobReader() = default;

  // The next bytes, until the next call; empty after the last. All of them are as many as the blob's
  // descriptor says; whether they have its digest is for the caller to find out. After an error only the
  // destructor may be called.
  virtual absl::StatusOr<absl::Span<const char>> Next() = 0;
};

}  // namespace lacuna
