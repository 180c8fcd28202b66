// Gives a file that was just made the owner, mode, attributes and time that an image says.
//
// Caller: TreeExtractor. Safe from any thread.
#pragma once

#include <vector>

#include "absl/status/status.h"
#include "erofs-tools/erofs_inode.h"
#include "erofs-tools/xattr.h"

namespace lacuna {

// `file` is open, with O_PATH at least, and may be a symbolic link: it is never followed. Needs /proc. An
// error says which of them failed.
absl::Status RestoreAttributes(int file, const ErofsInode& inode, const std::vector<Xattr>& xattrs);

}  // namespace lacuna
