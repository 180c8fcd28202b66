// `lacuna-image extract`: an image as files in a folder.
//
// Called once, by main.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/registries.h"

namespace lacuna {

// Extracts arguments.files, an EROFS bootstrap and its devices, or the one image in a registry or a layout
// that it names, to arguments.folder, which is new or empty. Layers are read once, into files without names
// in $TMPDIR, else /var/tmp. PermissionDenied unless it runs as root. All metadata is checked before anything
// is written: IntegrityError, naming the layer, or the path in the image. Prints what was extracted.
absl::Status Extract(const ImageArguments& arguments, Registries& registries);

}  // namespace lacuna
