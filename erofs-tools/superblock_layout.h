// Where things lie in an EROFS superblock: offsets in bytes from its beginning (struct erofs_super_block in
// fs/erofs/erofs_fs.h, Linux 6.18), all little-endian. Shared by the parser, the tiny image and their tests.
#pragma once

#include <cstddef>
#include <cstdint>

namespace lacuna {

inline constexpr uint64_t kSuperblockOffset = 1024;
inline constexpr size_t kSuperblockSize = 128;  // without extension slots
inline constexpr size_t kExtensionSlotSize = 16;
inline constexpr uint64_t kDeviceSlotSize = 128;  // struct erofs_deviceslot
inline constexpr uint32_t kErofsMagic = 0xE0F5E1E2;

namespace superblock_field {
inline constexpr size_t kMagic = 0;
inline constexpr size_t kChecksum = 4;
inline constexpr size_t kFeatureCompat = 8;
inline constexpr size_t kBlockSizeBits = 12;
inline constexpr size_t kExtensionSlots = 13;
inline constexpr size_t kRootNid = 14;  // with 48bit: the high 16 bits of the block count
inline constexpr size_t kInodes = 16;
inline constexpr size_t kEpoch = 24;  // seconds since 1970; the time of compact inodes
inline constexpr size_t kEpochNanoseconds = 32;
inline constexpr size_t kBlocks = 36;
inline constexpr size_t kMetaBlock = 40;
inline constexpr size_t kXattrBlock = 44;
inline constexpr size_t kUuid = 48;
inline constexpr size_t kVolumeName = 64;
inline constexpr size_t kFeatureIncompat = 80;
inline constexpr size_t kExtraDevices = 86;
inline constexpr size_t kDeviceTableSlot = 88;
inline constexpr size_t kDirBlockBits = 90;
inline constexpr size_t kBuildTime = 108;  // seconds after kEpoch
inline constexpr size_t kRootNid48 = 112;  // with 48bit
}  // namespace superblock_field

// struct erofs_deviceslot
namespace device_slot {
inline constexpr size_t kTagSize = 64;
inline constexpr size_t kBlocks = 64;
inline constexpr size_t kMappedBlock = 68;
inline constexpr size_t kBlocksHigh = 72;  // with 48bit only
inline constexpr size_t kMappedBlockHigh = 74;
}  // namespace device_slot

inline constexpr uint32_t kFeatureChecksum = 0x1;  // compat
inline constexpr uint32_t kFeatureChunkedFile = 0x4;
inline constexpr uint32_t kFeatureDeviceTable = 0x8;
inline constexpr uint32_t kFeature48Bit = 0x80;
inline constexpr uint32_t kFeatureMetabox = 0x100;
inline constexpr uint32_t kKnownIncompat = 0x1ff;

}  // namespace lacuna
