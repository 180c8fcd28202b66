// Durations as people write them in configuration and on command lines: "30s", "500ms", "2m", "1h30m".
//
// Pure functions; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/clock.h"

namespace lacuna {

// InvalidArgument, saying how to write one, unless `text` is a finite duration of zero or more that fits.
absl::StatusOr<Duration> ParseDuration(absl::string_view text);

// The shortest such text: "1m30s".
std::string FormatDuration(Duration duration);

}  // namespace lacuna
