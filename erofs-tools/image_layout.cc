#include "erofs-tools/image_layout.h"

#include <limits>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/directory_blocks.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

Timestamp TimeOf(const FileNode& node) {
  return {node.mtime, node.mtime_nanoseconds};
}

// The most frequent time, of several the earliest.
Timestamp ChooseEpoch(const InodeList& inodes) {
  absl::flat_hash_map<std::pair<int64_t, uint32_t>, uint32_t> counts;
  Timestamp best;
  uint32_t best_count = 0;
  for (uint32_t i = 0; i < inodes.size(); ++i) {
    const Timestamp time = TimeOf(*inodes[i].node);
    ++counts[{time.seconds, time.nanoseconds}];
  }
  for (const auto& [key, count] : counts) {
    const Timestamp time{key.first, key.second};
    if (count > best_count || (count == best_count && time < best)) {
      best = time;
      best_count = count;
    }
  }
  return best;
}

bool FitsCompact(const ListedInode& inode, uint64_t content_size, const Timestamp& epoch) {
  constexpr uint32_t kMax16 = std::numeric_limits<uint16_t>::max();
  return inode.node->uid <= kMax16 && inode.node->gid <= kMax16 && inode.links <= kMax16 &&
         content_size <= std::numeric_limits<uint32_t>::max() && TimeOf(*inode.node) == epoch;
}

uint64_t ContentSize(const InodeList& inodes, uint32_t number) {
  const FileNode& node = *inodes[number].node;
  if (node.type == FileType::kDirectory) return DirectorySize(EntriesOf(inodes, number));
  if (node.type == FileType::kSymlink) return node.target.size();
  return node.type == FileType::kRegular ? node.size : 0;
}

// Chooses the layout of `place`, whose `offset` is not known yet. Returns how many bytes the inode and what
// follows it are; body_offset is from the inode.
absl::StatusOr<uint64_t> PlanInode(const ListedInode& inode, const std::vector<ErofsDevice>& devices,
                                   InodePlace& place) {
  const uint64_t head =
      (place.extended ? extended_inode::kSize : compact_inode::kSize) + uint64_t{place.xattr_size};
  place.body_offset = head;
  if (inode.node->type == FileType::kRegular) {
    if (place.content_size == 0) return head;
    ASSIGN_OR_RETURN(place.chunks, PlanChunkMap(*inode.node, devices));
    place.layout = DataLayout::kChunkBased;
    place.body_offset = RoundUp(head, chunk_index::kSize);
    return place.body_offset + place.chunks.chunks * chunk_index::kSize;
  }
  const uint64_t tail = place.content_size % kBlockSize;
  if (tail == 0 || head + tail > kBlockSize) return head;
  place.layout = DataLayout::kFlatInline;
  return head + tail;
}

// Where `length` bytes may begin: within one block if they fit one, else so that the inode itself does.
// Kernels need tails to share the block with the end of their inode.
uint64_t PlaceInode(uint64_t offset, uint64_t length) {
  offset = RoundUp(offset, kInodeSlotSize);
  const uint64_t left = kBlockSize - offset % kBlockSize;
  if (length <= left || (length > kBlockSize && extended_inode::kSize <= left)) return offset;
  return RoundUp(offset, kBlockSize);
}

absl::Status TooLarge() {
  return absl::ResourceExhaustedError(
      absl::StrCat("the image's metadata would be larger than ", kMaxErofsSize, " bytes"));
}

absl::Status PlaceBlocks(ImageLayout& layout) {
  uint64_t block = layout.size / kBlockSize;
  for (InodePlace& place : layout.places) {
    if (place.layout == DataLayout::kChunkBased) continue;
    const bool has_tail = place.layout == DataLayout::kFlatInline;
    const uint64_t blocks =
        has_tail ? place.content_size / kBlockSize : RoundUp(place.content_size, kBlockSize) / kBlockSize;
    if (blocks > 0) place.first_block = static_cast<uint32_t>(block);
    block += blocks;
    if (block > kMaxErofsSize / kBlockSize) return TooLarge();
  }
  layout.size = block * kBlockSize;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ImageLayout> LayOutImage(const InodeList& inodes, const XattrTable& xattrs,
                                        const std::vector<ErofsDevice>& devices) {
  ImageLayout layout;
  layout.epoch = ChooseEpoch(inodes);
  uint64_t offset = kSuperblockOffset + kSuperblockSize + devices.size() * kDeviceSlotSize;
  // The block of what comes before the first inode, so that no inode is number 0: readdir(3) skips such.
  layout.meta_block = (offset - 1) / kBlockSize;
  layout.places.resize(inodes.size());
  for (uint32_t i = 0; i < inodes.size(); ++i) {
    InodePlace& place = layout.places[i];
    place.content_size = ContentSize(inodes, i);
    place.extended = !FitsCompact(inodes[i], place.content_size, layout.epoch);
    place.xattr_size = static_cast<uint32_t>(xattrs.SizeBeside(*inodes[i].node));
    const absl::StatusOr<uint64_t> length = PlanInode(inodes[i], devices, place);
    if (!length.ok()) return Annotate(length.status(), inodes.PathOf(i));
    place.offset = PlaceInode(offset, *length);
    place.body_offset += place.offset;
    offset = place.offset + *length;
    if (offset > kMaxErofsSize) return TooLarge();
  }
  layout.shared_xattrs = RoundUp(offset, kXattrAlignment);
  layout.size = RoundUp(layout.shared_xattrs + xattrs.shared_area().size(), kBlockSize);
  RETURN_IF_ERROR(PlaceBlocks(layout));
  return layout;
}

}  // namespace lacuna
