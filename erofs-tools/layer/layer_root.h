// What names the device of a layer beside its diffID, which anybody may claim: a digest of all that an index
// says of what is in it.
//
// Pure; safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"
#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

// SHA-256 over the root of the chunks' digests and the digest of the structure, both as 64 hex digits. The
// structure is in it because a device is compared with its diffID together with that: an index that lies
// about the tar only must not share, and take down, the device of those that do not. InvalidArgument when the
// structure cannot be read.
absl::StatusOr<Digest> LayerRoot(const LayerIndex& index);

}  // namespace lacuna
