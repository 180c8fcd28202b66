// `lacuna-image inspect`: what an EROFS file, or an image in a registry, is made of.
//
// Called once, by main.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/registries.h"

namespace lacuna {

// Of an image in a registry only the manifest, that of its index, and the first 64 KiB of its bootstrap are
// fetched.
absl::Status Inspect(const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
