// From a layer's tar entries to what the layer adds to an image: applied one after the other as an unpacker
// would, so that the last of several entries wins, and a hard link is to what its target was at that moment.
// Source: OCI image-spec, layer.md ("Whiteouts", "Applying Changesets"); where it is silent, as containerd
// and umoci unpack.
//
// Caller: LayerIndexer, ReadLayerContents. One thread at a time. Errors are InvalidArgument and name the
// path.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/tar/tar_entry.h"
#include "erofs-tools/tree/file_tree.h"
#include "erofs-tools/tree/path_walk.h"

namespace lacuna {

class LayerTreeBuilder {
 public:
  // `extents`: where the body of a regular file is on the layer's device. After an error only the destructor
  // may be called.
  absl::Status Add(const TarEntry& entry, std::vector<DataExtent> extents);
  // Nothing may be called afterwards.
  FileTree Finish() && { return std::move(tree_); }

 private:
  absl::Status Apply(const TarEntry& entry, std::vector<DataExtent> extents);
  absl::Status Hide(const PathWalk& walk, absl::string_view whiteout);
  absl::Status PutDirectory(NodeId directory, absl::string_view name, const TarEntry& entry);
  absl::Status PutFile(NodeId directory, absl::string_view name, const TarEntry& entry,
                       std::vector<DataExtent> extents);
  absl::Status PutHardLink(NodeId directory, absl::string_view name, const std::string& path,
                           absl::string_view target);
  absl::StatusOr<NodeId> HardLinkTarget(const std::string& link_path, absl::string_view target);

  FileTree tree_;
};

}  // namespace lacuna
