#include "erofs-tools/inode_bytes.h"

#include <sys/stat.h>

#include "erofs-tools/erofs_format.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

uint16_t TypeBits(FileType type) {
  switch (type) {
    case FileType::kDirectory:
      return S_IFDIR;
    case FileType::kSymlink:
      return S_IFLNK;
    case FileType::kCharDevice:
      return S_IFCHR;
    case FileType::kBlockDevice:
      return S_IFBLK;
    case FileType::kFifo:
      return S_IFIFO;
    case FileType::kSocket:
      return S_IFSOCK;
    default:
      return S_IFREG;
  }
}

uint32_t UnionOf(const FileNode& node, const InodePlace& place) {
  switch (node.type) {
    case FileType::kCharDevice:
    case FileType::kBlockDevice:
      return EncodeDeviceNumber(node.device_major, node.device_minor);
    case FileType::kRegular:
      if (place.layout == DataLayout::kChunkBased) return place.chunks.block_bits | kChunkIndexes;
      return 0;
    default:
      return place.first_block;
  }
}

void StoreExtended(const ListedInode& inode, const InodePlace& place, uint32_t number, absl::Span<char> out) {
  namespace field = extended_inode;
  StoreLittleEndian<uint64_t>(place.content_size, out, field::kFileSize);
  StoreLittleEndian<uint32_t>(UnionOf(*inode.node, place), out, field::kUnion);
  StoreLittleEndian<uint32_t>(number, out, field::kNumber);
  StoreLittleEndian<uint32_t>(inode.node->uid, out, field::kUid);
  StoreLittleEndian<uint32_t>(inode.node->gid, out, field::kGid);
  StoreLittleEndian<uint64_t>(static_cast<uint64_t>(inode.node->mtime), out, field::kMtime);
  StoreLittleEndian<uint32_t>(inode.node->mtime_nanoseconds, out, field::kMtimeNanoseconds);
  StoreLittleEndian<uint32_t>(inode.links, out, field::kLinks);
}

void StoreCompact(const ListedInode& inode, const InodePlace& place, uint32_t number, absl::Span<char> out) {
  namespace field = compact_inode;
  StoreLittleEndian<uint16_t>(static_cast<uint16_t>(inode.links), out, field::kLinks);
  StoreLittleEndian<uint32_t>(static_cast<uint32_t>(place.content_size), out, field::kFileSize);
  StoreLittleEndian<uint32_t>(UnionOf(*inode.node, place), out, field::kUnion);
  StoreLittleEndian<uint32_t>(number, out, field::kNumber);
  StoreLittleEndian<uint16_t>(static_cast<uint16_t>(inode.node->uid), out, field::kUid);
  StoreLittleEndian<uint16_t>(static_cast<uint16_t>(inode.node->gid), out, field::kGid);
}

}  // namespace

void StoreInode(const ListedInode& inode, const InodePlace& place, uint32_t number, absl::Span<char> out) {
  const auto layout = static_cast<uint16_t>(place.layout);
  const uint16_t version = place.extended ? kFormatExtended : 0;
  StoreLittleEndian<uint16_t>(static_cast<uint16_t>(layout << kFormatLayoutShift | version), out,
                              inode_field::kFormat);
  if (place.xattr_size > 0) {
    const size_t units = (place.xattr_size - xattr_header::kSize) / kXattrAlignment + 1;
    StoreLittleEndian<uint16_t>(static_cast<uint16_t>(units), out, inode_field::kXattrCount);
  }
  StoreLittleEndian<uint16_t>(TypeBits(inode.node->type) | (inode.node->permissions & 07777), out,
                              inode_field::kMode);
  if (place.extended) {
    StoreExtended(inode, place, number, out);
  } else {
    StoreCompact(inode, place, number, out);
  }
}

}  // namespace lacuna
