// The media types of an EROFS image's layers in an OCI manifest (DESIGN.md section 7).
#pragma once

namespace lacuna {

// A whole EROFS, or the bootstrap of one; containerd's type.
inline constexpr char kErofsLayerType[] = "application/vnd.erofs.layer.v1";
// A device: one external blob, in the order of the bootstrap's device table.
inline constexpr char kErofsDeviceType[] = "application/vnd.lacuna.erofs.device.v1";

}  // namespace lacuna
