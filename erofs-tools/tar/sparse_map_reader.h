// Reads the map of one sparse file after the other, wherever an archive keeps it.
//
// Caller: TarReader. One thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/byte_range.h"
#include "erofs-tools/tar/pax_header.h"
#include "erofs-tools/tar/sparse_map.h"
#include "erofs-tools/tar/tar_header.h"

namespace lacuna {

// Where the map is.
enum class SparseFormat {
  kNotSparse,
  kGnu,         // in the header, and in blocks after it
  kPaxRecords,  // versions 0.0 and 0.1
  kPaxText,     // version 1.0: the first blocks of what is stored of the file
};

class SparseMapReader {
 public:
  // Of a file of `size` bytes, of which `stored` follow the headers. Whether the map is complete; if not, its
  // next block follows. InvalidArgument for a map that no file can have, or that is not of what is stored.
  // `pax`: of kPaxRecords.
  absl::StatusOr<bool> Start(SparseFormat format, uint64_t size, uint64_t stored, const TarHeader& header,
                             const PaxSparse* pax);
  // The next block of the map. Likewise.
  absl::StatusOr<bool> Add(absl::string_view block);

  // Of a complete map; may be swapped with others.
  std::vector<ByteRange>& segments() { return map_.segments(); }
  // Bytes of body behind it.
  uint64_t body() const { return map_.stored(); }

 private:
  absl::StatusOr<bool> Check(bool complete) const;

  SparseFormat format_ = SparseFormat::kNotSparse;
  uint64_t left_ = 0;    // of what is stored, behind the blocks read
  uint64_t blocks_ = 0;  // bytes of blocks read
  SparseMap map_;
  SparseText text_;
};

}  // namespace lacuna
