// Writes all that an EROFS holds into a folder.
//
// Caller: `lacuna-image extract`. One thread. The image is anybody's: whatever it says, nothing outside of
// the folder is touched, and nothing that is there already.
#pragma once

#include <functional>

#include "absl/status/status.h"
#include "daemon/base/unique_fd.h"
#include "erofs-tools/cli/image_files.h"
#include "erofs-tools/erofs_reader.h"

namespace lacuna {

// `reader` is of `image` and has walked nothing yet. `folder` is empty and nobody else's. Types, owners,
// modes, mtimes, xattrs, device numbers and hard links are as the image has them, holes stay holes; the root
// directory's attributes become the folder's, at the end. `on_bytes` is told how many bytes of files were
// copied since it was told last. Needs root. Errors as WalkErofs and of system calls, with the path in the
// image; what was written so far stays.
absl::Status ExtractTree(const ImageFiles& image, ErofsReader& reader, UniqueFd folder,
                         const std::function<void(uint64_t)>& on_bytes);

}  // namespace lacuna
