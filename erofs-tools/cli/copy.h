// `lacuna-image copy`: an image from a registry or an OCI image layout to a registry or a layout.
//
// Called once, by main; `push oci:DIR[:TAG] REF` is the same.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/registries.h"

namespace lacuna {

// From `arguments.source` to `arguments.object`, each "oci:DIR[:TAG]" or a reference. Prints what was
// copied.
absl::Status Copy(const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
