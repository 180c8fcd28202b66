// `lacuna-image check` of an image whose layers are tars: whether its index says the truth.
//
// Called once, by main.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/registries.h"

namespace lacuna {

// Reads each layer once and makes its index again: IntegrityError, naming the layer and the first field that
// differs, unless the stored one is the same byte for byte. Then the layers are merged, and
// their bootstrap is written and checked as CheckFiles does. NotFound when the image has no index.
// Prints what was checked.
absl::Status CheckImage(const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
