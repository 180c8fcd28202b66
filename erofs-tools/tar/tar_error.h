// How the parts of the tar reader say what is wrong with an entry.
//
// Callers: erofs-tools/tar. Pure; safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lacuna {

// InvalidArgument: `entry "PATH": WHAT`. A path of any bytes and length comes out fit for one line.
absl::Status TarEntryError(absl::string_view path, absl::string_view what);

}  // namespace lacuna
