// What a ranged fetch feeds. Called on the transport's thread, one call at a time; must not block.
#pragma once

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace lacuna {

class RangeSink {
 public:
  virtual ~RangeSink() = default;

  // The next bytes of the range, in order. Together exactly the bytes asked for, or OnDone has an error.
  virtual void OnBytes(absl::Span<const char> bytes) = 0;
  // Exactly once, last.
  virtual void OnDone(const absl::Status& status) = 0;
};

}  // namespace lacuna
