// Where things lie in an EROFS behind its superblock: inodes, directory entries, extended attributes, chunk
// maps. Offsets and sizes in bytes, all integers little-endian. Source: fs/erofs/erofs_fs.h (Linux 6.18).
//
// Shared by the writer, the reader and their tests. Constants; safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lacuna {

// An inode's number, its nid, is its distance from the first metadata block in such units.
inline constexpr uint64_t kInodeSlotSize = 32;

// struct erofs_inode_compact
namespace compact_inode {
inline constexpr size_t kSize = 32;
inline constexpr size_t kLinks = 6;     // u16
inline constexpr size_t kFileSize = 8;  // u32
inline constexpr size_t kMtimeAfter =
    12;  // u32, seconds after the superblock's epoch; zero before Linux 6.16
inline constexpr size_t kUnion = 16;
inline constexpr size_t kNumber = 20;
inline constexpr size_t kUid = 24;  // u16
inline constexpr size_t kGid = 26;  // u16
}  // namespace compact_inode

// struct erofs_inode_extended
namespace extended_inode {
inline constexpr size_t kSize = 64;
inline constexpr size_t kFileSize = 8;  // u64
inline constexpr size_t kUnion = 16;
inline constexpr size_t kNumber = 20;
inline constexpr size_t kUid = 24;
inline constexpr size_t kGid = 28;
inline constexpr size_t kMtime = 32;
inline constexpr size_t kMtimeNanoseconds = 40;
inline constexpr size_t kLinks = 44;
}  // namespace extended_inode

// What both begin with.
namespace inode_field {
inline constexpr size_t kFormat = 0;  // bit 0: extended; bits 1 to 3: DataLayout
inline constexpr size_t kXattrCount =
    2;  // 0, or 1 + the size of the attributes behind their header, in units of 4
inline constexpr size_t kMode = 4;
}  // namespace inode_field

inline constexpr uint16_t kFormatExtended = 1;
inline constexpr int kFormatLayoutShift = 1;
inline constexpr uint16_t kFormatLayoutMask = 7;
inline constexpr int kFormatKnownBits = 4;

// What the inode's union holds: the first block, a chunk format, or a device number.
enum class DataLayout : uint8_t {
  kFlatPlain = 0,          // whole blocks in a row
  kCompressedFull = 1,     //
  kFlatInline = 2,         // the same, but the last piece follows the inode and its attributes
  kCompressedCompact = 3,  //
  kChunkBased = 4,         // an array of chunk addresses follows the inode and its attributes
};

// Of a chunk-based inode's union.
inline constexpr uint16_t kChunkBitsMask = 0x1f;  // log2 of blocks in a chunk
inline constexpr uint16_t kChunkIndexes = 0x20;   // 8-byte indexes; else 4-byte block addresses
inline constexpr uint16_t kChunk48Bit = 0x40;
inline constexpr uint32_t kNullBlock = 0xffffffff;  // of a chunk: a hole

// struct erofs_inode_chunk_index, aligned to its size
namespace chunk_index {
inline constexpr size_t kSize = 8;
inline constexpr size_t kDevice = 2;  // u16; 0: the image itself, N: entry N - 1 of the device table
inline constexpr size_t kBlock = 4;   // u32
}  // namespace chunk_index
inline constexpr size_t kBlockMapEntrySize = 4;

// struct erofs_dirent. A directory block begins with its entries; their names follow in the same order.
namespace directory_entry {
inline constexpr size_t kSize = 12;
inline constexpr size_t kNid = 0;         // u64
inline constexpr size_t kNameOffset = 8;  // u16, within the block
inline constexpr size_t kType = 10;       // EROFS_FT_*
}  // namespace directory_entry
inline constexpr size_t kMaxNameLength = 255;
inline constexpr size_t kMaxTargetLength = 4095;  // what a kernel takes: PATH_MAX with its NUL

// struct erofs_xattr_ibody_header, behind the inode: then 4 bytes for each shared attribute, its distance
// from the first shared attribute block in units of 4; then the attributes of this inode alone.
namespace xattr_header {
inline constexpr size_t kSize = 12;
inline constexpr size_t kSharedCount = 4;  // u8
}  // namespace xattr_header
inline constexpr size_t kSharedXattrIdSize = 4;

// struct erofs_xattr_entry: name without its prefix, and value follow; aligned to 4.
namespace xattr_entry {
inline constexpr size_t kSize = 4;
inline constexpr size_t kNameLength = 0;   // u8
inline constexpr size_t kPrefix = 1;       // u8, see xattr_prefix.h
inline constexpr size_t kValueLength = 2;  // u16
}  // namespace xattr_entry
inline constexpr size_t kXattrAlignment = 4;

// The kernel's new_encode_dev.
inline constexpr uint32_t kMaxDeviceMajor = 4095;
inline constexpr uint32_t kMaxDeviceMinor = (1 << 20) - 1;
constexpr uint32_t EncodeDeviceNumber(uint32_t major, uint32_t minor) {
  return (minor & 0xff) | (major << 8) | ((minor & ~uint32_t{0xff}) << 12);
}
constexpr uint32_t DeviceMajor(uint32_t encoded) {
  return (encoded >> 8) & 0xfff;
}
constexpr uint32_t DeviceMinor(uint32_t encoded) {
  return (encoded & 0xff) | ((encoded >> 12) & 0xfff00);
}

}  // namespace lacuna
