// `lacuna-image check` of an EROFS image in files: whether its metadata contradicts itself.
//
// Called once, by main.
#pragma once

#include "absl/status/status.h"
#include "erofs-tools/cli/arguments.h"

namespace lacuna {

// Of arguments.files, the bootstrap and its devices; file bodies are not read. IntegrityError, naming the
// path in the image, for what is wrong. Prints what was found.
absl::Status CheckFiles(const ImageArguments& arguments);

}  // namespace lacuna
