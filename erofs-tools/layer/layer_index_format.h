// What writing and reading a file of an index have in common.
//
// Constants.
#pragma once

#include <cstdint>

namespace lacuna {

inline constexpr uint32_t kIndexFormatVersion = 1;
// Of device_layout.h.
inline constexpr uint32_t kDeviceLayout = 1;

}  // namespace lacuna
