// Makes a TarEntry of all the headers it has in the archive.
//
// Caller: TarReader. Pure; safe from any thread.
#pragma once

#include <cstdint>

#include "absl/status/statusor.h"
#include "erofs-tools/tar/extension_headers.h"
#include "erofs-tools/tar/sparse_map_reader.h"
#include "erofs-tools/tar/tar_entry.h"
#include "erofs-tools/tar/tar_header.h"

namespace lacuna {

struct EntryBody {
  uint64_t stored = 0;  // bytes after the header, a kPaxText map included
  SparseFormat sparse = SparseFormat::kNotSparse;
};

// Fills all of `entry` but its segments. InvalidArgument names the entry and the field that no file can have.
absl::StatusOr<EntryBody> BuildTarEntry(const TarHeader& header, const HeadersBefore& before,
                                        TarEntry& entry);

}  // namespace lacuna
