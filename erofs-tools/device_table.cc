#include <algorithm>

#include "absl/strings/str_cat.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

DeviceSlot ParseSlot(absl::Span<const char> slot, bool has_48bit) {
  DeviceSlot device;
  device.tag = std::string(slot.begin(), std::find(slot.begin(), slot.begin() + device_slot::kTagSize, '\0'));
  device.blocks = LoadLittleEndian<uint32_t>(slot, device_slot::kBlocks);
  device.mapped_block = LoadLittleEndian<uint32_t>(slot, device_slot::kMappedBlock);
  if (has_48bit) {
    device.blocks |= uint64_t{LoadLittleEndian<uint16_t>(slot, device_slot::kBlocksHigh)} << 32;
    device.mapped_block |= uint64_t{LoadLittleEndian<uint16_t>(slot, device_slot::kMappedBlockHigh)} << 32;
  }
  return device;
}

}  // namespace

ByteRange Superblock::DeviceTableRange() const {
  if (device_count == 0) return {};
  return {.offset = device_table_slot * kDeviceSlotSize, .length = device_count * kDeviceSlotSize};
}

absl::StatusOr<std::vector<DeviceSlot>> ParseDeviceTable(const Superblock& superblock,
                                                         absl::Span<const char> table) {
  if (table.size() != superblock.DeviceTableRange().length) {
    return absl::InvalidArgumentError(absl::StrCat("a device table of ", superblock.device_count,
                                                   " devices is ", superblock.DeviceTableRange().length,
                                                   " bytes, not ", table.size()));
  }
  const bool has_48bit = (superblock.feature_incompat & kFeature48Bit) != 0;
  std::vector<DeviceSlot> devices;
  for (; !table.empty(); table.remove_prefix(kDeviceSlotSize)) {
    devices.push_back(ParseSlot(table.first(kDeviceSlotSize), has_48bit));
  }
  return devices;
}

}  // namespace lacuna
