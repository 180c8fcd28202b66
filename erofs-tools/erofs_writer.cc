#include "erofs-tools/erofs_writer.h"

#include <algorithm>
#include <limits>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/digest.h"
#include "daemon/base/status.h"
#include "erofs-tools/chunk_map.h"
#include "erofs-tools/crc32c.h"
#include "erofs-tools/directory_blocks.h"
#include "erofs-tools/image_layout.h"
#include "erofs-tools/inode_bytes.h"
#include "erofs-tools/inode_list.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock_layout.h"
#include "erofs-tools/xattr_table.h"

namespace lacuna {
namespace {

constexpr uint8_t kBlockSizeBits = 12;
static_assert(kBlockSize == uint64_t{1} << kBlockSizeBits);

absl::Status CheckDevices(const std::vector<ErofsDevice>& devices) {
  if (devices.size() > std::numeric_limits<uint16_t>::max()) {
    return absl::InvalidArgumentError("an EROFS has at most 65535 devices");
  }
  for (size_t i = 0; i < devices.size(); ++i) {
    const ErofsDevice& device = devices[i];
    const uint64_t blocks = device.size / kBlockSize;
    if (device.tag.size() <= device_slot::kTagSize && device.size % kBlockSize == 0 && blocks < kNullBlock) {
      continue;
    }
    return absl::InvalidArgumentError(absl::StrCat(
        "device ", i, " of ", device.size, " bytes: EROFS devices are whole blocks of ", kBlockSize,
        ", less than 2^32 - 1 of them, with tags of at most ", device_slot::kTagSize, " bytes"));
  }
  return absl::OkStatus();
}

// The content of a directory or a symlink: whole blocks where they were placed, the tail behind its inode.
void StoreContent(absl::string_view content, const InodePlace& place, absl::Span<char> image) {
  const bool has_tail = place.layout == DataLayout::kFlatInline;
  const size_t in_blocks = has_tail ? content.size() / kBlockSize * kBlockSize : content.size();
  content.copy(image.data() + place.first_block * kBlockSize, in_blocks);
  content.substr(in_blocks).copy(image.data() + place.body_offset, content.size() - in_blocks);
}

void StoreNode(const InodeList& inodes, uint32_t number, const ImageLayout& layout, const XattrTable& xattrs,
               absl::Span<char> image) {
  const ListedInode& inode = inodes[number];
  const InodePlace& place = layout.places[number];
  const size_t inode_size = place.extended ? extended_inode::kSize : compact_inode::kSize;
  StoreInode(inode, place, number + 1, image.subspan(place.offset, inode_size));
  xattrs.Store(*inode.node, layout.shared_xattrs % kBlockSize,
               image.subspan(place.offset + inode_size, place.xattr_size));
  if (inode.node->type == FileType::kDirectory) {
    const auto nid_of = [&](uint32_t entry) { return layout.NidOf(entry); };
    StoreContent(DirectoryContent(inodes, EntriesOf(inodes, number), nid_of), place, image);
  } else if (inode.node->type == FileType::kSymlink) {
    StoreContent(inode.node->target, place, image);
  } else if (place.layout == DataLayout::kChunkBased) {
    StoreChunkMap(*inode.node, place.chunks, image.subspan(place.body_offset));
  }
}

void StoreDevices(const std::vector<ErofsDevice>& devices, absl::Span<char> image) {
  size_t offset = kSuperblockOffset + kSuperblockSize;
  for (const ErofsDevice& device : devices) {
    const absl::Span<char> slot = image.subspan(offset, kDeviceSlotSize);
    device.tag.copy(slot.data(), device.tag.size());
    StoreLittleEndian<uint32_t>(static_cast<uint32_t>(device.size / kBlockSize), slot, device_slot::kBlocks);
    offset += kDeviceSlotSize;
  }
}

void StoreSuperblock(const ImageLayout& layout, const XattrTable& xattrs, size_t devices,
                     absl::Span<char> out) {
  namespace field = superblock_field;
  StoreLittleEndian<uint32_t>(kErofsMagic, out, field::kMagic);
  StoreLittleEndian<uint32_t>(kFeatureChecksum, out, field::kFeatureCompat);
  StoreLittleEndian<uint8_t>(kBlockSizeBits, out, field::kBlockSizeBits);
  // The first inode, at most a block behind the start of the metadata: its number is small.
  StoreLittleEndian<uint16_t>(static_cast<uint16_t>(layout.NidOf(InodeList::kRoot)), out, field::kRootNid);
  StoreLittleEndian<uint64_t>(layout.places.size(), out, field::kInodes);
  StoreLittleEndian<uint64_t>(static_cast<uint64_t>(layout.epoch.seconds), out, field::kEpoch);
  StoreLittleEndian<uint32_t>(layout.epoch.nanoseconds, out, field::kEpochNanoseconds);
  StoreLittleEndian<uint32_t>(static_cast<uint32_t>(layout.size / kBlockSize), out, field::kBlocks);
  StoreLittleEndian<uint32_t>(static_cast<uint32_t>(layout.meta_block), out, field::kMetaBlock);
  if (!xattrs.shared_area().empty()) {
    StoreLittleEndian<uint32_t>(static_cast<uint32_t>(layout.shared_xattrs / kBlockSize), out,
                                field::kXattrBlock);
  }
  uint32_t incompat = 0;
  if (std::any_of(layout.places.begin(), layout.places.end(),
                  [](const InodePlace& place) { return place.layout == DataLayout::kChunkBased; })) {
    incompat |= kFeatureChunkedFile;
  }
  if (devices > 0) {
    incompat |= kFeatureDeviceTable;
    StoreLittleEndian<uint16_t>(static_cast<uint16_t>(devices), out, field::kExtraDevices);
    StoreLittleEndian<uint16_t>((kSuperblockOffset + kSuperblockSize) / kDeviceSlotSize, out,
                                field::kDeviceTableSlot);
  }
  StoreLittleEndian<uint32_t>(incompat, out, field::kFeatureIncompat);
}

// A UUID of version 8 (RFC 9562, section 5.8) that names the content, then the checksum of the first block.
void Seal(std::string& image) {
  std::string uuid = absl::HexStringToBytes(Digest::Of(image).hex()).substr(0, 16);
  uuid[6] = static_cast<char>((uuid[6] & 0x0f) | 0x80);
  uuid[8] = static_cast<char>((uuid[8] & 0x3f) | 0x80);
  const absl::Span<char> covered =
      absl::MakeSpan(image).subspan(kSuperblockOffset, kBlockSize - kSuperblockOffset);
  uuid.copy(covered.data() + superblock_field::kUuid, uuid.size());
  StoreLittleEndian<uint32_t>(Crc32c(~uint32_t{0}, covered), covered, superblock_field::kChecksum);
}

}  // namespace

absl::StatusOr<std::string> WriteErofs(const FileTree& tree, const std::vector<ErofsDevice>& devices) {
  RETURN_IF_ERROR(CheckDevices(devices));
  ASSIGN_OR_RETURN(const InodeList inodes, InodeList::Of(tree));
  ASSIGN_OR_RETURN(const XattrTable xattrs, XattrTable::Of(inodes));
  ASSIGN_OR_RETURN(const ImageLayout layout, LayOutImage(inodes, xattrs, devices));
  std::string image(layout.size, '\0');
  const absl::Span<char> bytes = absl::MakeSpan(image);
  for (uint32_t i = 0; i < inodes.size(); ++i) StoreNode(inodes, i, layout, xattrs, bytes);
  xattrs.shared_area().copy(image.data() + layout.shared_xattrs, xattrs.shared_area().size());
  StoreDevices(devices, bytes);
  StoreSuperblock(layout, xattrs, devices.size(), bytes.subspan(kSuperblockOffset));
  Seal(image);
  return image;
}

}  // namespace lacuna
