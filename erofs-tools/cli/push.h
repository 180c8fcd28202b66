// `lacuna-image push`: an EROFS image from files to a registry.
//
// Called once, by main.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/registries.h"

namespace lacuna {

// The bootstrap is a layer of type kErofsLayerType, each device one of kErofsDeviceType, in the order of the
// device table; then config and manifest. Nothing is sent when the files are not an image. Prints what was
// pushed.
absl::Status Push(const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
