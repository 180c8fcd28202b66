// Where a path leads in a tree whose root nothing leaves: neither "..", nor a symlink, absolute or not, as if
// the tree's root were the process's. Unpackers find the parent of an entry so.
// Sources: path_resolution(7); symlink(7); OCI image-spec, layer.md.
//
// Callers: LayerTreeBuilder, MergeLayers. One thread at a time.
#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

inline constexpr size_t kMaxNameBytes = 255;            // NAME_MAX
inline constexpr size_t kMaxSymlinkTargetBytes = 4095;  // PATH_MAX without the final NUL
inline constexpr int kMaxSymlinksFollowed = 40;         // as Linux

// The names of `path`, without empty ones, "." and "..", which takes the name before it away (by the text
// alone, as Go's filepath.Clean, with which unpackers begin). They point into `path`.
std::vector<absl::string_view> CleanPath(absl::string_view path);

// `path` for a message: in quotes, escaped, not too long.
std::string QuotedPath(absl::string_view path);

class PathWalk {
 public:
  // `node` is kNoNode where the tree has nothing (or a whiteout). `name` points into the path that was
  // followed, or into a symlink of the tree.
  struct Step {
    NodeId node = kNoNode;
    absl::string_view name;
  };

  // Stands on directory `start` of `tree`, which outlives this.
  explicit PathWalk(const FileTree& tree, NodeId start = FileTree::kRoot) : tree_(tree), start_(start) {}

  // Goes on along `names`, through each symlink on the way, the last name included. Names that the tree has
  // not are taken for directories. InvalidArgument at what is no directory, after too many symlinks, and for
  // a name that no directory can hold.
  absl::Status Follow(absl::Span<const absl::string_view> names);

  // Where it stands; kNoNode when the tree has not got that.
  NodeId at() const { return steps_.empty() ? start_ : steps_.back().node; }
  // The steps down from start().
  NodeId start() const { return start_; }
  const std::vector<Step>& steps() const { return steps_; }
  // The names of the steps: "a/b".
  std::string path() const;

 private:
  absl::Status Down(absl::string_view name);
  void Up();
  absl::Status Enter(const FileNode& symlink);

  const FileTree& tree_;
  NodeId start_;
  std::vector<Step> steps_;
  std::vector<absl::string_view> ahead_;  // names to go, the next one last
  int symlinks_ = 0;
};

// Makes the directories that are missing on the way of `walk`, which was made on `tree`; returns the last.
// They are implied ones, but in the place of a whiteout: there nothing can come from below.
absl::StatusOr<NodeId> MakeDirectories(FileTree& tree, const PathWalk& walk);

}  // namespace lacuna
