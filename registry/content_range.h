// The Content-Range header of a 206 answer (RFC 9110 section 14.4).
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/byte_range.h"

namespace lacuna {

struct ContentRange {
  ByteRange range;                // never empty
  std::optional<uint64_t> total;  // bytes of the whole; absent for "*"
};

// Parses "bytes FIRST-LAST/TOTAL" and "bytes FIRST-LAST/*". InvalidArgument for anything else, also for the
// "bytes */TOTAL" of a 416, which says no range.
absl::StatusOr<ContentRange> ParseContentRange(absl::string_view value);

}  // namespace lacuna
