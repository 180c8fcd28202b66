#include <algorithm>

#include "absl/strings/str_cat.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

// struct erofs_deviceslot
constexpr size_t kTagSize = 64;
constexpr size_t kBlocksLow = 64;
constexpr size_t kMappedLow = 68;
constexpr size_t kBlocksHigh = 72;  // with 48bit only
constexpr size_t kMappedHigh = 74;

DeviceSlot ParseSlot(absl::Span<const char> slot, bool has_48bit) {
  DeviceSlot device;
  device.tag = std::string(slot.begin(), std::find(slot.begin(), slot.begin() + kTagSize, '\0'));
  device.blocks = LoadLittleEndian<uint32_t>(slot, kBlocksLow);
  device.mapped_block = LoadLittleEndian<uint32_t>(slot, kMappedLow);
  if (has_48bit) {
    device.blocks |= uint64_t{LoadLittleEndian<uint16_t>(slot, kBlocksHigh)} << 32;
    device.mapped_block |= uint64_t{LoadLittleEndian<uint16_t>(slot, kMappedHigh)} << 32;
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
