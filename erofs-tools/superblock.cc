#include "erofs-tools/superblock.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "daemon/base/status.h"
#include "erofs-tools/crc32c.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

namespace field = superblock_field;

constexpr int kMinBlockSizeBits = 9;
constexpr int kMaxBlockSizeBits = 16;
// The kernel reads the superblock within its first page.
constexpr uint64_t kMaxSuperblockEnd = 4096;

absl::Status NotErofs(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("not an EROFS image: ", why));
}

// The superblock's bytes, extension slots included.
absl::StatusOr<absl::Span<const char>> FindSuperblock(absl::Span<const char> image) {
  if (image.size() < kSuperblockOffset + kSuperblockSize) {
    return NotErofs(absl::StrCat("too short for a superblock (", image.size(), " bytes)"));
  }
  const absl::Span<const char> from_superblock = image.subspan(kSuperblockOffset);
  if (LoadLittleEndian<uint32_t>(from_superblock, field::kMagic) != kErofsMagic) {
    return NotErofs("no EROFS magic at offset 1024");
  }
  const size_t slots = LoadLittleEndian<uint8_t>(from_superblock, field::kExtensionSlots);
  const size_t size = kSuperblockSize + slots * kExtensionSlotSize;
  if (kSuperblockOffset + size > kMaxSuperblockEnd || size > from_superblock.size()) {
    return NotErofs(absl::StrCat("a superblock of ", size, " bytes does not fit"));
  }
  return from_superblock.first(size);
}

absl::Status CheckFeatures(const Superblock& parsed) {
  const uint32_t unknown = parsed.feature_incompat & ~kKnownIncompat;
  if (unknown == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("this EROFS image needs features that lacuna does not know: ",
                   absl::StrJoin(IncompatFeatureNames(unknown), ", "), "; a newer lacuna may"));
}

absl::Status ParseBlockSize(absl::Span<const char> bytes, Superblock& parsed) {
  const int bits = LoadLittleEndian<uint8_t>(bytes, field::kBlockSizeBits);
  if (bits < kMinBlockSizeBits || bits > kMaxBlockSizeBits) {
    return NotErofs(absl::StrCat("a block size of 2^", bits, " bytes is outside 512 to 65536"));
  }
  if (const int extra = LoadLittleEndian<uint8_t>(bytes, field::kDirBlockBits); extra != 0) {
    return NotErofs(absl::StrCat("directory blocks of 2^", extra, " blocks are not supported by any kernel"));
  }
  parsed.block_size = uint32_t{1} << bits;
  return absl::OkStatus();
}

// What 48bit widens: the block count and the number of the root's inode.
void ParseWideFields(absl::Span<const char> bytes, Superblock& parsed) {
  parsed.blocks = LoadLittleEndian<uint32_t>(bytes, field::kBlocks);
  const auto root_or_high_blocks = LoadLittleEndian<uint16_t>(bytes, field::kRootNid);
  const auto wide_root = LoadLittleEndian<uint64_t>(bytes, field::kRootNid48);
  if ((parsed.feature_incompat & kFeature48Bit) != 0 && wide_root != 0) {
    parsed.blocks |= uint64_t{root_or_high_blocks} << 32;
    parsed.root_nid = wide_root;
  } else {
    parsed.root_nid = root_or_high_blocks;
  }
}

void ParsePlainFields(absl::Span<const char> bytes, Superblock& parsed) {
  parsed.inodes = LoadLittleEndian<uint64_t>(bytes, field::kInodes);
  parsed.epoch = static_cast<int64_t>(LoadLittleEndian<uint64_t>(bytes, field::kEpoch));
  parsed.epoch_nanoseconds = LoadLittleEndian<uint32_t>(bytes, field::kEpochNanoseconds);
  // Unsigned, so that a nonsensical sum wraps around instead of being undefined.
  parsed.build_time = static_cast<int64_t>(LoadLittleEndian<uint64_t>(bytes, field::kEpoch) +
                                           LoadLittleEndian<uint32_t>(bytes, field::kBuildTime));
  parsed.meta_block = LoadLittleEndian<uint32_t>(bytes, field::kMetaBlock);
  parsed.xattr_block = LoadLittleEndian<uint32_t>(bytes, field::kXattrBlock);
  std::copy_n(bytes.begin() + field::kUuid, parsed.uuid.size(), parsed.uuid.begin());
  const absl::Span<const char> name = bytes.subspan(field::kVolumeName, 16);
  parsed.volume_name = std::string(name.begin(), std::find(name.begin(), name.end(), '\0'));
  if ((parsed.feature_incompat & kFeatureDeviceTable) != 0) {
    parsed.device_count = LoadLittleEndian<uint16_t>(bytes, field::kExtraDevices);
    parsed.device_table_slot = LoadLittleEndian<uint16_t>(bytes, field::kDeviceTableSlot);
  }
}

// That the image is as long as it says, and holds its device table.
absl::Status CheckExtent(const Superblock& parsed, uint64_t image_size) {
  if (parsed.blocks > image_size / parsed.block_size) {
    return absl::InvalidArgumentError(absl::StrCat("the EROFS image is cut short: ", image_size,
                                                   " bytes, but its ", "superblock says ", parsed.blocks,
                                                   " blocks of ", parsed.block_size));
  }
  if (const ByteRange table = parsed.DeviceTableRange(); table.end() > image_size) {
    return NotErofs(absl::StrCat("its device table ", ToString(table), " lies outside the image of ",
                                 image_size, " bytes"));
  }
  return absl::OkStatus();
}

// erofs_superblock_csum_verify: from the superblock to the end of the first block, or one block where blocks
// are too small to hold it; the checksum itself counts as zero.
absl::Status VerifyChecksum(const Superblock& parsed, absl::Span<const char> image) {
  if ((parsed.feature_compat & kFeatureChecksum) == 0) return absl::OkStatus();
  const size_t length =
      parsed.block_size > kSuperblockOffset ? parsed.block_size - kSuperblockOffset : parsed.block_size;
  if (image.size() < kSuperblockOffset + length) return NotErofs("too short for its first block");
  const absl::Span<const char> covered = image.subspan(kSuperblockOffset, length);
  static constexpr char kZero[sizeof(uint32_t)] = {};
  uint32_t crc = Crc32c(~uint32_t{0}, covered.first(field::kChecksum));
  crc = Crc32c(crc, kZero);
  crc = Crc32c(crc, covered.subspan(field::kChecksum + sizeof(uint32_t)));
  if (crc == LoadLittleEndian<uint32_t>(covered, field::kChecksum)) return absl::OkStatus();
  return IntegrityError("the EROFS superblock's checksum is wrong: the image is damaged");
}

}  // namespace

std::string Superblock::UuidText() const {
  std::string text;
  for (size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text.push_back('-');
    absl::StrAppend(&text, absl::Hex(uuid[i], absl::kZeroPad2));
  }
  return text;
}

absl::StatusOr<Superblock> ParseSuperblock(absl::Span<const char> first_bytes, uint64_t image_size) {
  ASSIGN_OR_RETURN(const absl::Span<const char> bytes, FindSuperblock(first_bytes));
  Superblock parsed;
  parsed.feature_compat = LoadLittleEndian<uint32_t>(bytes, field::kFeatureCompat);
  parsed.feature_incompat = LoadLittleEndian<uint32_t>(bytes, field::kFeatureIncompat);
  RETURN_IF_ERROR(ParseBlockSize(bytes, parsed));
  RETURN_IF_ERROR(VerifyChecksum(parsed, first_bytes));
  RETURN_IF_ERROR(CheckFeatures(parsed));
  ParseWideFields(bytes, parsed);
  ParsePlainFields(bytes, parsed);
  RETURN_IF_ERROR(CheckExtent(parsed, image_size));
  return parsed;
}

}  // namespace lacuna
