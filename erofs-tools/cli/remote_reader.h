// Ranges of a blob in a registry, for a thread that may wait.
//
// Callers: lacuna-image. One thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/byte_range.h"
#include "registry/fetch_counters.h"
#include "registry/remote_blob.h"

namespace lacuna {

// The bytes of `range`, which lies within the blob, by one ranged GET. Errors as RangeFetcher has them.
absl::StatusOr<std::string> ReadRemoteRange(FetchCounters& counters, const RemoteBlob& blob,
                                            const ByteRange& range);

}  // namespace lacuna
