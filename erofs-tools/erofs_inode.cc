#include "erofs-tools/erofs_inode.h"

#include <sys/stat.h>

#include <limits>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

constexpr uint32_t kNanosecondsPerSecond = 1'000'000'000;

bool IsFileMode(uint16_t mode) {
  return S_ISREG(mode) || S_ISDIR(mode) || S_ISLNK(mode) || S_ISCHR(mode) || S_ISBLK(mode) ||
         S_ISFIFO(mode) || S_ISSOCK(mode);
}

absl::Status CheckFormat(uint16_t format) {
  const auto layout = static_cast<DataLayout>(format >> kFormatLayoutShift & kFormatLayoutMask);
  if (layout == DataLayout::kCompressedFull || layout == DataLayout::kCompressedCompact) {
    return absl::UnimplementedError(
        "its data is compressed, which lacuna does not read; make the image without -z");
  }
  if (format >> kFormatKnownBits != 0 || layout > DataLayout::kChunkBased) {
    return absl::UnimplementedError(
        absl::StrCat("its inode has the unknown format ", format, "; a newer lacuna may know it"));
  }
  return absl::OkStatus();
}

void ParseExtended(absl::Span<const char> bytes, ErofsInode& inode) {
  namespace field = extended_inode;
  inode.size = LoadLittleEndian<uint64_t>(bytes, field::kFileSize);
  inode.uid = LoadLittleEndian<uint32_t>(bytes, field::kUid);
  inode.gid = LoadLittleEndian<uint32_t>(bytes, field::kGid);
  inode.mtime = static_cast<int64_t>(LoadLittleEndian<uint64_t>(bytes, field::kMtime));
  inode.mtime_nanoseconds = LoadLittleEndian<uint32_t>(bytes, field::kMtimeNanoseconds);
  inode.links = LoadLittleEndian<uint32_t>(bytes, field::kLinks);
}

void ParseCompact(absl::Span<const char> bytes, const Superblock& superblock, ErofsInode& inode) {
  namespace field = compact_inode;
  inode.size = LoadLittleEndian<uint32_t>(bytes, field::kFileSize);
  inode.uid = LoadLittleEndian<uint16_t>(bytes, field::kUid);
  inode.gid = LoadLittleEndian<uint16_t>(bytes, field::kGid);
  // Unsigned, so that a nonsensical sum wraps around.
  inode.mtime = static_cast<int64_t>(static_cast<uint64_t>(superblock.epoch) +
                                     LoadLittleEndian<uint32_t>(bytes, field::kMtimeAfter));
  inode.mtime_nanoseconds = superblock.epoch_nanoseconds;
  inode.links = LoadLittleEndian<uint16_t>(bytes, field::kLinks);
}

}  // namespace

uint32_t InodeSizeOf(uint16_t format) {
  return (format & kFormatExtended) != 0 ? extended_inode::kSize : compact_inode::kSize;
}

absl::StatusOr<ErofsInode> ParseInode(absl::Span<const char> bytes, const Superblock& superblock,
                                      uint64_t nid) {
  static_assert(extended_inode::kUnion == compact_inode::kUnion);
  const auto format = LoadLittleEndian<uint16_t>(bytes, inode_field::kFormat);
  RETURN_IF_ERROR(CheckFormat(format));
  ErofsInode inode;
  inode.nid = nid;
  inode.offset = uint64_t{superblock.meta_block} * superblock.block_size + nid * kInodeSlotSize;
  inode.inode_size = InodeSizeOf(format);
  inode.layout = static_cast<DataLayout>(format >> kFormatLayoutShift & kFormatLayoutMask);
  inode.mode = LoadLittleEndian<uint16_t>(bytes, inode_field::kMode);
  inode.data = LoadLittleEndian<uint32_t>(bytes, extended_inode::kUnion);
  if (const uint32_t count = LoadLittleEndian<uint16_t>(bytes, inode_field::kXattrCount); count > 0) {
    inode.xattr_size = static_cast<uint32_t>(xattr_header::kSize + (count - 1) * kXattrAlignment);
  }
  if ((format & kFormatExtended) != 0) {
    ParseExtended(bytes, inode);
  } else {
    ParseCompact(bytes, superblock, inode);
  }
  if (!IsFileMode(inode.mode)) {
    return IntegrityError(absl::StrCat("its mode ", inode.mode, " is that of no file type"));
  }
  if (inode.size > uint64_t{std::numeric_limits<int64_t>::max()} ||
      inode.mtime_nanoseconds >= kNanosecondsPerSecond) {
    return IntegrityError(absl::StrCat("its inode has a size of ", inode.size, " bytes and ",
                                       inode.mtime_nanoseconds, " nanoseconds"));
  }
  return inode;
}

}  // namespace lacuna
