// Where the parts of an image to be written lie: superblock and device table, inodes with what follows each,
// shared extended attributes, and in whole blocks what of directories and symlinks does not fit beside its
// inode.
//
// Caller: WriteErofs. Values; safe from any thread.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/chunk_map.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/erofs_writer.h"
#include "erofs-tools/inode_list.h"
#include "erofs-tools/xattr_table.h"

namespace lacuna {

struct Timestamp {
  int64_t seconds = 0;  // since 1970
  uint32_t nanoseconds = 0;
  friend bool operator==(const Timestamp&, const Timestamp&) = default;
  // NOLINTNEXTLINE(modernize-use-nullptr): the 0 is in what the compiler makes of it
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
};

// Offsets are in bytes from the image's beginning.
struct InodePlace {
  uint64_t offset = 0;
  uint64_t content_size = 0;  // the inode's i_size
  uint64_t body_offset = 0;   // of what follows inode and attributes: a tail, or a chunk map
  uint32_t first_block = 0;   // of the content's whole blocks
  uint32_t xattr_size = 0;
  DataLayout layout = DataLayout::kFlatPlain;
  bool extended = false;
  ChunkMap chunks;
};

struct ImageLayout {
  Timestamp epoch;          // the time of compact inodes
  uint64_t meta_block = 0;  // that of the first inode
  uint64_t shared_xattrs = 0;
  uint64_t size = 0;               // a multiple of kBlockSize
  std::vector<InodePlace> places;  // by number in the list

  uint64_t NidOf(uint32_t inode) const {
    return (places[inode].offset - meta_block * kBlockSize) / kInodeSlotSize;
  }
};

// More would be a mistake or an attack: the largest real images have some ten MiB of metadata.
inline constexpr uint64_t kMaxErofsSize = uint64_t{1} << 30;

// InvalidArgument, naming the path, for extents that cannot be mapped; ResourceExhausted beyond
// kMaxErofsSize.
absl::StatusOr<ImageLayout> LayOutImage(const InodeList& inodes, const XattrTable& xattrs,
                                        const std::vector<ErofsDevice>& devices);

}  // namespace lacuna
