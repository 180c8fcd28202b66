// A registry's blob as a local file without a name, complete and found to be what its digest says.
//
// Callers: copies, on a thread that may wait. Thread-safe.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "registry/fetch_counters.h"
#include "registry/remote_blob.h"
#include "registry/upload_body.h"

namespace lacuna {

// In `folder`. A download that breaks goes on where it was as long as it comes further. `progress` may be
// empty; it is called on the transport's thread and not after this returned. Errors read
// "HOST/REPOSITORY@DIGEST: cause".
absl::StatusOr<std::shared_ptr<HttpBody>> SpoolBlob(const RemoteBlob& blob, const std::string& folder,
                                                    FetchCounters& counters, const BytesProgress& progress);

}  // namespace lacuna
