// A tree of files in memory: what a layer adds to an image, or an image as a whole. File bodies are
// elsewhere: on devices, into which a file's extents point.
//
// Made by LayerTreeBuilder and MergeLayers, written by WriteErofs. Used by one thread at a time, or by
// several that only read.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/xattr.h"

namespace lacuna {

enum class FileType : uint8_t {
  kRegular,
  kDirectory,
  kSymlink,
  kCharDevice,
  kBlockDevice,
  kFifo,
  kSocket,
  // In the tree of a layer only:
  kWhiteout,   // hides what layers below have under this name
  kLowerLink,  // a hard link to what layers below have at `target`
};

// Bytes [file_offset, file_offset + length) of a file are those of the device from device_offset on. All
// three are multiples of kBlockSize; the last extent of a file may reach beyond its end, to the end of the
// block.
struct DataExtent {
  uint64_t file_offset = 0;
  uint64_t device_offset = 0;
  uint64_t length = 0;
  uint16_t device = 0;  // number in the image's list of devices; in a layer's tree 0, its own

  uint64_t file_end() const { return file_offset + length; }
  friend bool operator==(const DataExtent&, const DataExtent&) = default;
};

// Index of a node in its tree.
using NodeId = uint32_t;
inline constexpr NodeId kNoNode = UINT32_MAX;

struct FileNode {
  FileType type = FileType::kRegular;
  // Of a directory in a layer's tree: it has no entry of its own, and takes its attributes from below.
  bool implied = false;
  // Of a directory in a layer's tree: what layers below have in it is hidden.
  bool opaque = false;
  uint16_t permissions = 0;  // 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  uint32_t mtime_nanoseconds = 0;
  int64_t mtime = 0;                              // seconds since 1970
  uint64_t size = 0;                              // bytes of a regular file
  std::string target;                             // of a symlink or a kLowerLink
  std::vector<DataExtent> extents;                // of a regular file; ascending. What none covers is a hole.
  std::vector<Xattr> xattrs;                      // by name
  absl::btree_map<std::string, NodeId> children;  // of a directory, by name: no "/", NUL, "", ".", ".."
};

// What a tree may hold: a layer of a million files is a mistake or an attack, and must not take the daemon's
// memory. 2,048 directories inside each other is as deep as a path of PATH_MAX (4,096) bytes reaches.
inline constexpr size_t kMaxTreeNodes = 1024 * 1024;
inline constexpr uint64_t kMaxTreeTextBytes = 256 * 1024 * 1024;  // names, targets, xattrs
inline constexpr uint32_t kMaxTreeDepth = 2048;

struct TreeLimits {
  size_t nodes = kMaxTreeNodes;
  uint64_t text_bytes = kMaxTreeTextBytes;
};

class FileTree {
 public:
  static constexpr NodeId kRoot = 0;

  // A root directory that is implied: 0755, root's.
  explicit FileTree(TreeLimits limits = {});

  FileNode& node(NodeId id) { return nodes_[id]; }
  const FileNode& node(NodeId id) const { return nodes_[id]; }
  // Nodes that no directory names any more included.
  size_t size() const { return nodes_.size(); }
  // Of all names, targets and xattrs that were ever added.
  uint64_t text_bytes() const { return text_bytes_; }

  // What `directory` has under `name`, or kNoNode.
  NodeId Find(NodeId directory, absl::string_view name) const;
  // The directory that names `directory`; of the root, the root.
  NodeId parent(NodeId directory) const { return places_[directory].parent; }
  // "usr/bin"; of the root "". For messages: it looks through the names of each directory on the way.
  std::string DirectoryPath(NodeId directory) const;

  // A node that no directory names yet. References to other nodes stay valid. ResourceExhausted beyond the
  // limits on nodes or on text (a node's target and xattrs; Link counts names).
  absl::StatusOr<NodeId> Add(FileNode node);
  // `directory` is what `from`, another one, says, but keeps its children. ResourceExhausted as Add.
  absl::Status SetAttributes(NodeId directory, FileNode from);
  // `name` in `directory` is `child` from now on, instead of what it was. Several names of one node are hard
  // links; a directory has one name only, and is linked before what is in it. InvalidArgument beyond
  // kMaxTreeDepth.
  absl::Status Link(NodeId directory, std::string name, NodeId child);

 private:
  // Where a directory is.
  struct Place {
    NodeId parent = kRoot;
    uint32_t depth = 0;
  };
  absl::Status CountText(uint64_t bytes);

  TreeLimits limits_;
  std::deque<FileNode> nodes_;
  std::deque<Place> places_;  // by NodeId
  uint64_t text_bytes_ = 0;
};

// A directory that nobody described: 0755, root's, of 1970.
FileNode ImpliedDirectory();

}  // namespace lacuna
