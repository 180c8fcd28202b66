// What an EROFS says about itself: its superblock and its device table.
// Sources: Linux Documentation/filesystems/erofs.rst, "On-disk details"; the field layout and feature bits of
// fs/erofs/erofs_fs.h (Linux 6.18) and the checks of erofs_read_superblock in fs/erofs/super.c.
//
// Callers: the daemon before a mount, lacuna-image. Pure functions and values; safe from any thread. Input is
// anybody's: every field is checked before it is used, and nothing is allocated that the input does not hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "daemon/base/byte_range.h"

namespace lacuna {

// The first bytes of an image that ParseSuperblock is always content with (all of a smaller image): the
// superblock's checksum covers the first block, and blocks are at most this large.
inline constexpr uint64_t kSuperblockReadSize = 64 * 1024;

struct Superblock {
  uint32_t block_size = 0;  // bytes; 512 to 64 KiB
  uint64_t blocks = 0;      // of the image itself, without its devices
  uint64_t inodes = 0;
  uint64_t root_nid = 0;           // number of the root directory's inode
  int64_t epoch = 0;               // seconds since 1970; the time of compact inodes
  uint32_t epoch_nanoseconds = 0;  // the same time's
  int64_t build_time = 0;          // seconds since 1970, when mkfs ran
  uint32_t meta_block = 0;         // first block of the inodes
  uint32_t xattr_block = 0;        // first block of the shared extended attributes
  std::array<uint8_t, 16> uuid{};  //
  std::string volume_name;         // any bytes but NUL, at most 16: escape it before showing it
  uint32_t feature_compat = 0;
  uint32_t feature_incompat = 0;   // only bits that are known here
  uint16_t device_count = 0;       // devices besides the image itself
  uint16_t device_table_slot = 0;  // where their table begins, in units of 128 bytes

  // Where the device table lies in the image; empty without devices. At most 8 MiB, and within the image.
  ByteRange DeviceTableRange() const;
  // Whether a feature is on that only images with compressed data have.
  bool HasCompressedData() const;
  // Whether there may be files made of chunks: the only ones that have holes.
  bool HasChunkedFiles() const;
  // "8-4-4-4-12" hex digits.
  std::string UuidText() const;
};

// One device of the table: the blob whose blocks the image's files may point into.
struct DeviceSlot {
  std::string tag;      // any bytes but NUL, at most 64, often a digest; mkfs.erofs 1.5 leaves it empty
  uint64_t blocks = 0;  // its length; mkfs.erofs 1.5 leaves it 0
  uint64_t mapped_block =
      0;  // where the device begins in the image's unified block address space; 0 = nowhere
};

// `first_bytes` begins the image and holds kSuperblockReadSize of it, or all of it. InvalidArgument for what
// is no EROFS, is cut short, or needs features that are unknown here (named); IntegrityError when the
// checksum is wrong.
absl::StatusOr<Superblock> ParseSuperblock(absl::Span<const char> first_bytes, uint64_t image_size);

// `table` holds the bytes of DeviceTableRange(); InvalidArgument when it has another length.
absl::StatusOr<std::vector<DeviceSlot>> ParseDeviceTable(const Superblock& superblock,
                                                         absl::Span<const char> table);

// The names of the bits that are set, the kernel's in lower case; "bit 9" for one without a name. Where a bit
// has two meanings both are named: "compr_cfgs|big_pcluster".
std::vector<std::string> CompatFeatureNames(uint32_t feature_compat);
std::vector<std::string> IncompatFeatureNames(uint32_t feature_incompat);

}  // namespace lacuna
