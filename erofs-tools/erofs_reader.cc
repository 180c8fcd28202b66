#include "erofs-tools/erofs_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {

absl::StatusOr<ErofsReader> ErofsReader::Open(uint64_t image_size, RangeReader read,
                                              const std::vector<uint64_t>& device_sizes) {
  ASSIGN_OR_RETURN(ErofsMetadata metadata, ReadErofsMetadata(image_size, read));
  const Superblock& superblock = metadata.superblock;
  if ((superblock.feature_incompat & (kFeature48Bit | kFeatureMetabox)) != 0) {
    return absl::UnimplementedError(
        "this EROFS image has 48-bit addresses or a metabox, which lacuna does not read; make it without "
        "-E48bit");
  }
  if (!device_sizes.empty() && device_sizes.size() != metadata.devices.size()) {
    return absl::InvalidArgumentError(absl::StrCat("the image has ", metadata.devices.size(),
                                                   " devices, but ", device_sizes.size(), " were given"));
  }
  const uint64_t size = superblock.blocks * superblock.block_size;
  ErofsReader reader(std::move(metadata), MetadataWindow(size, std::move(read)));
  reader.SetDevices(device_sizes);
  return reader;
}

void ErofsReader::SetDevices(const std::vector<uint64_t>& device_sizes) {
  device_sizes_ = {window_.size()};
  for (size_t i = 0; i < metadata_.devices.size(); ++i) {
    const DeviceSlot& slot = metadata_.devices[i];
    const uint64_t size = slot.blocks * metadata_.superblock.block_size;
    const uint64_t unknown = std::numeric_limits<uint64_t>::max();
    device_sizes_.push_back(!device_sizes.empty() ? device_sizes[i] : size > 0 ? size : unknown);
    if (slot.mapped_block == 0) continue;
    mapped_.push_back({slot.mapped_block, slot.blocks, static_cast<uint16_t>(i + 1)});
  }
  std::sort(mapped_.begin(), mapped_.end(), [](const MappedDevice& a, const MappedDevice& b) {
    return std::pair(a.first_block, a.device) < std::pair(b.first_block, b.device);
  });
}

absl::StatusOr<std::string> ErofsReader::ReadPrivate(uint64_t offset, uint64_t length) {
  ASSIGN_OR_RETURN(std::string bytes, window_.Read(offset, length));
  private_bytes_ += length;
  return bytes;
}

absl::StatusOr<ErofsInode> ErofsReader::ReadInode(uint64_t nid) {
  const Superblock& superblock = metadata_.superblock;
  if (nid > window_.size() / kInodeSlotSize) {
    return IntegrityError(absl::StrCat("the inode number ", nid, " lies outside the image"));
  }
  const uint64_t offset = uint64_t{superblock.meta_block} * superblock.block_size + nid * kInodeSlotSize;
  ASSIGN_OR_RETURN(std::string bytes, ReadPrivate(offset, compact_inode::kSize));
  const uint32_t size = InodeSizeOf(LoadLittleEndian<uint16_t>(bytes, inode_field::kFormat));
  if (size > bytes.size()) {
    ASSIGN_OR_RETURN(const std::string rest, ReadPrivate(offset + bytes.size(), size - bytes.size()));
    bytes += rest;
  }
  return ParseInode(bytes, superblock, nid);
}

absl::StatusOr<uint64_t> ErofsReader::TailLength(const ErofsInode& inode) const {
  if (inode.layout != DataLayout::kFlatInline || inode.size == 0) return 0;
  const uint32_t block_size = metadata_.superblock.block_size;
  const uint64_t tail = (inode.size - 1) % block_size + 1;
  if (inode.body_offset() % block_size + tail > block_size) {
    return IntegrityError("what is stored beside its inode crosses the end of a block");
  }
  return tail;
}

absl::StatusOr<std::string> ErofsReader::ReadContent(const ErofsInode& inode) {
  if (inode.layout == DataLayout::kChunkBased) {
    return absl::UnimplementedError("it is chunk-based, which lacuna reads of regular files only");
  }
  ASSIGN_OR_RETURN(const uint64_t tail, TailLength(inode));
  std::string content;
  if (inode.size > tail) {
    const uint64_t offset = uint64_t{inode.data} * metadata_.superblock.block_size;
    ASSIGN_OR_RETURN(content, ReadPrivate(offset, inode.size - tail));
  }
  if (tail > 0) {
    ASSIGN_OR_RETURN(const std::string last, ReadPrivate(inode.body_offset(), tail));
    content += last;
  }
  return content;
}

absl::StatusOr<std::vector<ErofsDirent>> ErofsReader::ReadDirectory(const ErofsInode& inode) {
  ASSIGN_OR_RETURN(const std::string content, ReadContent(inode));
  return ParseDirectory(content, metadata_.superblock.block_size);
}

absl::StatusOr<std::string> ErofsReader::ReadSymlink(const ErofsInode& inode) {
  if (inode.size == 0 || inode.size > kMaxTargetLength) {
    return IntegrityError(absl::StrCat("its target is ", inode.size, " bytes long, not 1 to 4095"));
  }
  ASSIGN_OR_RETURN(std::string target, ReadContent(inode));
  if (target.find('\0') != std::string::npos) return IntegrityError("its target has a NUL");
  return target;
}

}  // namespace lacuna
