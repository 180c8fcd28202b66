#include "daemon/base/format_bytes.h"

#include <array>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lacuna {

std::string FormatBytes(uint64_t bytes) {
  static constexpr std::array<absl::string_view, 6> kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  size_t unit = 0;
  int shift = 10;
  while (shift < 60 && (bytes >> shift) >= 1024) {
    shift += 10;
    ++unit;
  }
  const uint64_t whole = bytes >> shift;
  const uint64_t rest = bytes - (whole << shift);
  // `rest` < 2^60, so ten times it still fits.
  return absl::StrCat(whole, ".", (rest * 10) >> shift, " ", kUnits[unit]);
}

}  // namespace lacuna
