// The same work on many things, some of them at once.
//
// Caller: a thread that may wait. Thread-safe.
#pragma once

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"

namespace lacuna {

// Calls `work` with 0 to `count` - 1, on at most `threads` threads, and waits for all that it began. The
// first error; after one nothing is begun any more.
absl::Status ForEachInParallel(size_t count, int threads, absl::FunctionRef<absl::Status(size_t)> work);

}  // namespace lacuna
