// `lacuna-image index`: makes the index of an image's layers, and puts it beside the image.
//
// Called once, by main.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/registries.h"

namespace lacuna {

// Reads each layer once. The index goes into the image's folder, and into its registry with `arguments.push`
// or `arguments.bind`. Nothing is stored of an image that is not what its manifest and config say. Prints
// what was made.
absl::Status Index(const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
