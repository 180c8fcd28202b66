// Writes a tree as an EROFS bootstrap: metadata, directories and symlinks; file bodies stay on the devices.
// Sources: Linux Documentation/filesystems/erofs.rst; fs/erofs/erofs_fs.h (Linux 6.18).
//
// Pure and deterministic: the same tree and devices give the same bytes. Safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

struct ErofsDevice {
  std::string tag;    // at most 64 bytes
  uint64_t size = 0;  // bytes, a multiple of kBlockSize
};

// The image, a multiple of kBlockSize. Extents' device N is `devices[N]`. InvalidArgument, naming the path,
// for what EROFS cannot hold; ResourceExhausted for more than 1 GiB of metadata.
absl::StatusOr<std::string> WriteErofs(const FileTree& tree, const std::vector<ErofsDevice>& devices);

}  // namespace lacuna
