// What to pass to mount(2) to see a snapshot: a bind mount, or an overlay of folders.
// Sources: Linux Documentation/filesystems/overlayfs.rst; mount options as containerd's overlayfs snapshotter
// gives them.
//
// Pure but for DetectOverlayFeatures; safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "daemon/snapshotter/snapshot.h"

namespace lacuna {

// What the kernel and the user namespace ask for.
struct OverlayFeatures {
  bool has_index = false;        // "index" is known, and to be off: lower layers are shared
  bool needs_userxattr = false;  // trusted.* is out of reach
};

OverlayFeatures DetectOverlayFeatures();

// The folders of a snapshot.
struct SnapshotLayers {
  std::string upper;
  std::string work;                 // not of a view
  std::vector<std::string> lowers;  // the highest first
};

// Some of the snapshot's labels ask for options.
std::vector<SnapshotMount> MountsFor(const SnapshotInfo& snapshot, const SnapshotLayers& layers,
                                     const OverlayFeatures& features);

}  // namespace lacuna
