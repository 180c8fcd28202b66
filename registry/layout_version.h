// The file `oci-layout`, which says that a folder is an image layout and of which version.
// Source: OCI image-spec, image-layout.md, "oci-layout file".
//
// Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lacuna {

// InvalidArgument unless `text` is of a version that we read: 1.x.
absl::Status CheckLayoutVersion(absl::string_view text);
// What goes into the file.
std::string LayoutVersion();

}  // namespace lacuna
