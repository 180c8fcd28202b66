// The media types of layers in an OCI manifest: of an EROFS image (DESIGN.md section 7), and of those that
// an index makes lazily readable.
//
// Pure; safe from any thread.
#pragma once

#include <optional>

#include "absl/strings/string_view.h"
#include "erofs-tools/layer/layer_index.h"

namespace lacuna {

// A whole EROFS, or the bootstrap of one; containerd's type.
inline constexpr char kErofsLayerType[] = "application/vnd.erofs.layer.v1";
// A device: one external blob, in the order of the bootstrap's device table.
inline constexpr char kErofsDeviceType[] = "application/vnd.lacuna.erofs.device.v1";

// What a layer of tar is compressed with; none for what is no such layer. Sources: OCI image-spec, layer.md,
// with its "nondistributable" types; docker's of image manifest schema 2, with its "foreign" ones.
std::optional<LayerCodec> LayerCodecOf(absl::string_view media_type);

}  // namespace lacuna
