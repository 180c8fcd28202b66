// The extended attributes of an image to be written: which are kept once for all inodes that have them, and
// which beside their inode.
// Source: Linux Documentation/filesystems/erofs.rst, "Extended attributes"; fs/erofs/xattr.c (Linux 6.18).
//
// Caller: WriteErofs. Values; safe from any thread. The tree has to outlive the table.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "erofs-tools/inode_list.h"

namespace lacuna {

class XattrTable {
 public:
  // InvalidArgument, naming the path, for an attribute that EROFS cannot hold.
  static absl::StatusOr<XattrTable> Of(const InodeList& inodes);

  // What is kept once, in the order of first use.
  const std::string& shared_area() const { return shared_area_; }

  // Bytes that follow the inode of `node`: a multiple of kXattrAlignment, 0 without attributes.
  size_t SizeBeside(const FileNode& node) const;
  // Those bytes, into `out`. `shared_base`: where the shared area begins behind the start of the superblock's
  // xattr block, in bytes.
  void Store(const FileNode& node, uint64_t shared_base, absl::Span<char> out) const;

 private:
  using NameAndValue = std::pair<absl::string_view, absl::string_view>;
  struct Placement {
    uint32_t uses = 0;
    bool shared = false;
    uint64_t offset = 0;  // in the shared area
  };

  bool IsShared(const Xattr& xattr, size_t shared_before) const;
  const Placement& PlacementOf(const Xattr& xattr) const;
  absl::Status Count(const FileNode& node);
  void Share(const FileNode& node);

  absl::flat_hash_map<NameAndValue, Placement> placements_;
  std::string shared_area_;
};

}  // namespace lacuna
