// Reads an EROFS back into a FileTree, for tests that compare it with the one it was made of. One thread.
#pragma once

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/erofs_walk.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

inline RangeReader ReaderOf(const std::string& image) {
  return [&image](const ByteRange& range) {
    return absl::StatusOr<std::string>(image.substr(range.offset, range.length));
  };
}

class TreeBuildingVisitor : public ErofsVisitor {
 public:
  explicit TreeBuildingVisitor(ErofsReader& reader) : reader_(reader) {}

  FileTree tree;

  absl::Status EnterDirectory(const ErofsName& name) override {
    ASSIGN_OR_RETURN(FileNode node, NodeOf(name.inode));
    if (open_.empty()) {
      tree.node(FileTree::kRoot) = std::move(node);
      open_.push_back(FileTree::kRoot);
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(const NodeId id, tree.Add(std::move(node)));
    RETURN_IF_ERROR(tree.Link(open_.back(), name.name, id));
    open_.push_back(id);
    return absl::OkStatus();
  }
  absl::Status LeaveDirectory(const ErofsName&) override {
    open_.pop_back();
    return absl::OkStatus();
  }
  absl::Status VisitFile(const ErofsName& name) override {
    if (name.is_first) {
      ASSIGN_OR_RETURN(FileNode node, NodeOf(name.inode));
      ASSIGN_OR_RETURN(nodes_[name.inode.nid], tree.Add(std::move(node)));
    }
    return tree.Link(open_.back(), name.name, nodes_.at(name.inode.nid));
  }

 private:
  absl::StatusOr<FileNode> NodeOf(const ErofsInode& inode) {
    static const std::map<mode_t, FileType> kTypes = {
        {S_IFREG, FileType::kRegular},    {S_IFDIR, FileType::kDirectory},   {S_IFLNK, FileType::kSymlink},
        {S_IFCHR, FileType::kCharDevice}, {S_IFBLK, FileType::kBlockDevice}, {S_IFIFO, FileType::kFifo},
        {S_IFSOCK, FileType::kSocket}};
    FileNode node;
    node.type = kTypes.at(inode.mode & S_IFMT);
    node.permissions = inode.mode & 07777;
    node.uid = inode.uid;
    node.gid = inode.gid;
    node.mtime = inode.mtime;
    node.mtime_nanoseconds = inode.mtime_nanoseconds;
    ASSIGN_OR_RETURN(const std::vector<XattrPlace> xattrs, reader_.ReadXattrs(inode));
    for (const XattrPlace& xattr : xattrs) {
      ASSIGN_OR_RETURN(std::string value, reader_.ReadXattrValue(xattr));
      node.xattrs.push_back({xattr.name, std::move(value)});
    }
    std::sort(node.xattrs.begin(), node.xattrs.end(),
              [](const Xattr& a, const Xattr& b) { return a.name < b.name; });
    if (node.type == FileType::kSymlink) {
      ASSIGN_OR_RETURN(node.target, reader_.ReadSymlink(inode));
    } else if (node.type == FileType::kCharDevice || node.type == FileType::kBlockDevice) {
      node.device_major = DeviceMajor(inode.data);
      node.device_minor = DeviceMinor(inode.data);
    } else if (node.type == FileType::kRegular) {
      node.size = inode.size;
      ASSIGN_OR_RETURN(const std::vector<ErofsExtent> extents, reader_.ReadExtents(inode));
      for (const ErofsExtent& extent : extents) {
        if (extent.device == 0) return absl::InvalidArgumentError("a body in the image itself");
        node.extents.push_back({extent.file_offset, extent.device_offset, RoundUp(extent.length, kBlockSize),
                                static_cast<uint16_t>(extent.device - 1)});
      }
    }
    return node;
  }

  ErofsReader& reader_;
  std::vector<NodeId> open_;
  std::map<uint64_t, NodeId> nodes_;  // by nid
};

inline absl::StatusOr<FileTree> ReadTree(const std::string& image) {
  ASSIGN_OR_RETURN(ErofsReader reader, ErofsReader::Open(image.size(), ReaderOf(image)));
  TreeBuildingVisitor visitor(reader);
  RETURN_IF_ERROR(WalkErofs(reader, visitor));
  return std::move(visitor.tree);
}

}  // namespace lacuna
