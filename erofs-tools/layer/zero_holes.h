// Makes holes of what a layer's files have in chunks of zeros, so that no kernel asks for it.
//
// Part of what a layer's tree is: whoever makes it from the same tar and device has the same holes.
// Pure; safe from any thread.
#pragma once

#include "erofs-tools/layer/chunk_digests.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

// A file's map stays small: it is cut in cells of the smallest power of two of at least 16 KiB of which it
// has at most 32,768. A cell becomes a hole if all of it that is on the device is in chunks of zeros.
void CutZeros(const ChunkDigests& chunks, FileTree& tree);

}  // namespace lacuna
