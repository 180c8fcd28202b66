// Snapshots for containers in a user namespace: containerd names the mapping of its ids in two labels, and
// expects the mount options of an id-mapped mount (mount_setattr(2)) and a root folder that is the
// container's root's. Source: documentation of containerd's package snapshots.
//
// Pure; safe from any thread.
#pragma once

#include <sys/types.h>

#include <optional>

#include "absl/status/statusor.h"
#include "daemon/snapshotter/snapshot.h"

namespace lacuna {

inline constexpr char kUidMappingLabel[] = "containerd.io/snapshot/uidmapping";
inline constexpr char kGidMappingLabel[] = "containerd.io/snapshot/gidmapping";

struct FileOwner {
  uid_t uid = 0;
  gid_t gid = 0;
};

// Who is root outside, if the labels map ids: ranges "CONTAINER_ID:HOST_ID:COUNT", with commas between.
// InvalidArgument when a label is no such list, has no root, or one of the two is missing.
absl::StatusOr<std::optional<FileOwner>> MappedRoot(const SnapshotLabels& labels);

}  // namespace lacuna
