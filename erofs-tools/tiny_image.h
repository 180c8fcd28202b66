// The smallest EROFS that shows a kernel can mount and read one: a root directory with one file.
//
// Callers: the daemon's start-up self-test and `lacunactl doctor`. Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/strings/string_view.h"

namespace lacuna {

// The image's bytes, a multiple of 4 KiB, always the same for the same arguments. `file_name` is a plain name
// of 1 to 255 bytes, `content` less than 4 GiB. Source: fs/erofs/erofs_fs.h (Linux 6.18).
std::string TinyErofsImage(absl::string_view file_name, absl::string_view content);

}  // namespace lacuna
