#include "erofs-tools/erofs_metadata.h"

#include <algorithm>

#include "daemon/base/status.h"

namespace lacuna {
namespace {

absl::StatusOr<std::string> ReadDeviceTable(const ByteRange& table, const std::string& first_bytes,
                                            const RangeReader& read) {
  if (table.end() <= first_bytes.size()) return first_bytes.substr(table.offset, table.length);
  return read(table);
}

}  // namespace

absl::StatusOr<ErofsMetadata> ReadErofsMetadata(uint64_t image_size, const RangeReader& read) {
  ErofsMetadata metadata;
  std::string first_bytes;
  if (image_size > 0) {
    ASSIGN_OR_RETURN(first_bytes, read({.offset = 0, .length = std::min(image_size, kSuperblockReadSize)}));
  }
  ASSIGN_OR_RETURN(metadata.superblock, ParseSuperblock(first_bytes, image_size));
  const ByteRange table = metadata.superblock.DeviceTableRange();
  ASSIGN_OR_RETURN(const std::string table_bytes, ReadDeviceTable(table, first_bytes, read));
  ASSIGN_OR_RETURN(metadata.devices, ParseDeviceTable(metadata.superblock, table_bytes));
  return metadata;
}

}  // namespace lacuna
