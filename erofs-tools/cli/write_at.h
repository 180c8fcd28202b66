// Writes bytes at a place of a file.
//
// Callers: `lacuna-image extract`. Safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace lacuna {

// All of them; errors read "writing: cause".
absl::Status WriteAt(int file, uint64_t offset, absl::Span<const char> bytes);

}  // namespace lacuna
