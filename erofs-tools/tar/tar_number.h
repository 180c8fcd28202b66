// Numbers and times as tar archives spell them.
//
// Callers: erofs-tools/tar. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace lacuna {

struct TarTime {
  int64_t seconds = 0;  // since 1970
  uint32_t nanoseconds = 0;

  friend bool operator==(const TarTime&, const TarTime&) = default;
};

// Octal digits between NULs and spaces; nothing else at all is 0. Nothing where it is no number.
std::optional<int64_t> ParseTarOctal(absl::string_view field);

// A number field of a header: octal as above, or, when its first bit is set, two's complement, big-endian
// (GNU tar's and star's "base-256"). Nothing where it is no number, or one beyond 64 bits.
std::optional<int64_t> ParseTarNumber(absl::string_view field);

// An optional minus and decimal digits, and nothing else. Nothing where it is no number, or one beyond 64
// bits.
std::optional<int64_t> ParseTarDecimal(absl::string_view text);

// "-1.5": seconds and, after a point, any number of digits. What a nanosecond does not hold is rounded down,
// also before 1970 (POSIX, pax: "the greatest value [...] that is not greater than the actual file time").
std::optional<TarTime> ParsePaxTime(absl::string_view text);

}  // namespace lacuna
