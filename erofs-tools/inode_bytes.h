// An inode as it is on disk.
//
// Caller: WriteErofs. Pure; safe from any thread.
#pragma once

#include <cstdint>

#include "absl/types/span.h"
#include "erofs-tools/image_layout.h"
#include "erofs-tools/inode_list.h"

namespace lacuna {

// Into `out`, which is zero and as long as the inode alone. `number` counts inodes from 1.
void StoreInode(const ListedInode& inode, const InodePlace& place, uint32_t number, absl::Span<char> out);

}  // namespace lacuna
