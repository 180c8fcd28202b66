#include "daemon/snapshotter/id_mapping.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::Status Wrong(absl::string_view label, absl::string_view value, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("label ", label, "=", value, ": ", what));
}

absl::StatusOr<uint32_t> RootIn(absl::string_view label, const SnapshotLabels& labels) {
  const auto found = labels.find(std::string(label));
  const std::string value = found == labels.end() ? "" : found->second;
  for (const absl::string_view range : absl::StrSplit(value, ',')) {
    const std::vector<absl::string_view> numbers = absl::StrSplit(range, ':');
    uint32_t inside = 0;
    uint32_t outside = 0;
    uint32_t count = 0;
    if (numbers.size() != 3 || !absl::SimpleAtoi(numbers[0], &inside) ||
        !absl::SimpleAtoi(numbers[1], &outside) || !absl::SimpleAtoi(numbers[2], &count)) {
      return Wrong(label, value, "is no list of CONTAINER_ID:HOST_ID:COUNT");
    }
    if (inside == 0 && count > 0) return outside;
  }
  return Wrong(label, value, "maps no root");
}

}  // namespace

absl::StatusOr<std::optional<FileOwner>> MappedRoot(const SnapshotLabels& labels) {
  if (!labels.contains(kUidMappingLabel) && !labels.contains(kGidMappingLabel)) return std::nullopt;
  FileOwner root;
  ASSIGN_OR_RETURN(root.uid, RootIn(kUidMappingLabel, labels));
  ASSIGN_OR_RETURN(root.gid, RootIn(kGidMappingLabel, labels));
  return root;
}

}  // namespace lacuna
