// Maps the holes of a tree's files to a device of zeros, for kernels that read wrong bytes behind a hole:
// EROFS over fscache (erofs_fscache_data_read_slice of Linux 5.19 to 7.1) takes a hole to reach to the end of
// the read that meets it, and reads zeros where the file goes on. Seen on 6.12.
//
// Pure; safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "erofs-tools/tree/file_tree.h"

namespace lacuna {

// A file with holes is mapped in pieces of at most this.
inline constexpr uint64_t kMaxZeroPiece = 32 * 1024 * 1024;

// What is a hole before the last byte that is stored of its file becomes an extent of device `zeros`, which
// begins at the device's begin. Returns how many bytes of zeros the device needs; 0 when there was no such
// hole. ResourceExhausted when that would take millions of extents.
absl::StatusOr<uint64_t> FillHoles(FileTree& tree, uint16_t zeros);

}  // namespace lacuna
