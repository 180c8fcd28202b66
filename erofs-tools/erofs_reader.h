// Reads the files of an EROFS without compressed data: inodes, directories, symlinks, extended attributes,
// and where the bytes of files are. Block sizes from 512 bytes to 64 KiB. Sources: Linux
// Documentation/filesystems/erofs.rst; fs/erofs (Linux 6.18).
//
// Callers: WalkErofs, CheckErofs, lacuna-image. One thread. The image is anybody's: every offset is checked
// before it is used, and no call costs more than the image is long. Errors are IntegrityError for what
// contradicts itself, Unimplemented for what lacuna does not read, or the reader's; none names a path, which
// only a walk knows.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "erofs-tools/erofs_directory.h"
#include "erofs-tools/erofs_inode.h"
#include "erofs-tools/erofs_metadata.h"
#include "erofs-tools/metadata_window.h"

namespace lacuna {

// Bytes [file_offset, file_offset + length) of a file are those of the device from device_offset on.
struct ErofsExtent {
  uint64_t file_offset = 0;
  uint64_t length = 0;
  uint64_t device_offset = 0;
  uint16_t device = 0;  // 0: the image itself; N: number N - 1 of its devices

  friend bool operator==(const ErofsExtent&, const ErofsExtent&) = default;
};

struct XattrPlace {
  std::string name;  // in full
  ByteRange value;   // in the image
};

class ErofsReader {
 public:
  // `device_sizes`: bytes of each device, as many as the table has; or none, then the table is believed, and
  // of a device without a length there (mkfs.erofs 1.5) every range is taken for possible. Errors as
  // ReadErofsMetadata; Unimplemented for images with 48-bit addresses or a metabox.
  static absl::StatusOr<ErofsReader> Open(uint64_t image_size, RangeReader read,
                                          const std::vector<uint64_t>& device_sizes = {});

  const ErofsMetadata& metadata() const { return metadata_; }
  // What has been read of inodes and what only one inode refers to. In a sound image no two of them overlap.
  uint64_t private_bytes() const { return private_bytes_; }

  absl::StatusOr<ErofsInode> ReadInode(uint64_t nid);
  absl::StatusOr<std::vector<ErofsDirent>> ReadDirectory(const ErofsInode& inode);
  absl::StatusOr<std::string> ReadSymlink(const ErofsInode& inode);
  // In the order in which the image has them; no name is there twice.
  absl::StatusOr<std::vector<XattrPlace>> ReadXattrs(const ErofsInode& inode);
  absl::StatusOr<std::string> ReadXattrValue(const XattrPlace& xattr);
  // Of a regular file; ascending, within its size, neighbours that continue each other as one. What none
  // covers is a hole.
  absl::StatusOr<std::vector<ErofsExtent>> ReadExtents(const ErofsInode& inode);

 private:
  // Blocks of the image's address space that are a device's.
  struct MappedDevice {
    uint64_t first_block = 0;
    uint64_t blocks = 0;
    uint16_t device = 0;  // as ErofsExtent
  };

  ErofsReader(ErofsMetadata metadata, MetadataWindow window)
      : metadata_(std::move(metadata)), window_(std::move(window)) {}

  void SetDevices(const std::vector<uint64_t>& device_sizes);
  absl::StatusOr<std::string> ReadPrivate(uint64_t offset, uint64_t length);
  absl::StatusOr<std::string> ReadContent(const ErofsInode& inode);
  absl::StatusOr<XattrPlace> ReadXattrEntry(uint64_t offset, uint64_t limit);
  // Of flat layouts: bytes in whole blocks, and the tail behind the inode, which is within a block.
  absl::StatusOr<uint64_t> TailLength(const ErofsInode& inode) const;
  absl::Status AddExtent(uint64_t block, uint16_t device, uint64_t file_offset, uint64_t length,
                         std::vector<ErofsExtent>& extents) const;
  absl::StatusOr<std::vector<ErofsExtent>> FlatExtents(const ErofsInode& inode) const;
  absl::StatusOr<std::vector<ErofsExtent>> ChunkExtents(const ErofsInode& inode);

  ErofsMetadata metadata_;
  MetadataWindow window_;
  std::vector<uint64_t> device_sizes_;  // bytes; [0] is the image
  std::vector<MappedDevice> mapped_;    // by first block
  uint64_t private_bytes_ = 0;
};

}  // namespace lacuna
