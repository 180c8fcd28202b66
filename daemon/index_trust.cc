#include "daemon/index_trust.h"

namespace lacuna {

absl::StatusOr<IndexTrust> ParseIndexTrust(absl::string_view name) {
  if (name == "none") return IndexTrust::kNone;
  if (name == "tag") return IndexTrust::kTag;
  if (name == "all") return IndexTrust::kAll;
  return absl::InvalidArgumentError("expected \"tag\", \"all\" or \"none\"");
}

}  // namespace lacuna
