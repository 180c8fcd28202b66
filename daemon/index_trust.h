// Whose indexes of an image's layers are used (DESIGN.md section 7, "Whom to trust").
//
// A value; safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

enum class IndexTrust {
  kNone,  // only indexes that were made here, or found right
  kTag,   // those, what the digest of a reference names, and of a tag whatever the repository has
  kAll,   // of a digest, too
};

// As the configuration has them: "none", "tag", "all".
absl::StatusOr<IndexTrust> ParseIndexTrust(absl::string_view name);

}  // namespace lacuna
