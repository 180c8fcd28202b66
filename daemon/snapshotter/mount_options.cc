#include "daemon/snapshotter/mount_options.h"

#include <unistd.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/snapshotter/id_mapping.h"

namespace lacuna {
namespace {

// What a label's value is an option's.
constexpr std::pair<const char*, const char*> kMappings[] = {{kUidMappingLabel, "uidmap="},
                                                             {kGidMappingLabel, "gidmap="}};
// Any value: the upper folder need not survive a crash.
constexpr char kVolatileLabel[] = "containerd.io/snapshot/overlay.volatile";

SnapshotMount BindMountOf(const std::string& folder, bool read_only, std::vector<std::string> options) {
  options.emplace_back(read_only ? "ro" : "rw");
  options.emplace_back("rbind");
  return {.type = "bind", .source = folder, .options = std::move(options)};
}

std::vector<std::string> MappingsOf(const SnapshotLabels& labels) {
  std::vector<std::string> options;
  for (const auto& [label, option] : kMappings) {
    const auto found = labels.find(label);
    if (found != labels.end()) options.push_back(absl::StrCat(option, found->second));
  }
  return options;
}

// The initial user namespace maps all ids to themselves (user_namespaces(7)).
bool InInitialUserNamespace() {
  std::ifstream map("/proc/self/uid_map");
  uint64_t inside = 1;
  uint64_t outside = 1;
  uint64_t count = 0;
  map >> inside >> outside >> count;
  return inside == 0 && outside == 0 && count == 0xFFFFFFFF;
}

}  // namespace

OverlayFeatures DetectOverlayFeatures() {
  return {.has_index = access("/sys/module/overlay/parameters/index", F_OK) == 0,
          .needs_userxattr = !InInitialUserNamespace()};
}

std::vector<SnapshotMount> MountsFor(const SnapshotInfo& snapshot, const SnapshotLayers& layers,
                                     const OverlayFeatures& features) {
  const bool read_only = snapshot.kind == SnapshotKind::kView;
  std::vector<std::string> options = MappingsOf(snapshot.labels);
  if (layers.lowers.empty()) return {BindMountOf(layers.upper, read_only, std::move(options))};
  // The kernel refuses an overlay of a single folder.
  if (read_only && layers.lowers.size() == 1) {
    return {BindMountOf(layers.lowers.front(), read_only, std::move(options))};
  }
  if (features.has_index) options.emplace_back("index=off");
  if (features.needs_userxattr) options.emplace_back("userxattr");
  if (!read_only) {
    if (snapshot.labels.contains(kVolatileLabel)) options.emplace_back("volatile");
    options.push_back(absl::StrCat("workdir=", layers.work));
    options.push_back(absl::StrCat("upperdir=", layers.upper));
  }
  options.push_back(absl::StrCat("lowerdir=", absl::StrJoin(layers.lowers, ":")));
  return {{.type = "overlay", .source = "overlay", .options = std::move(options)}};
}

}  // namespace lacuna
