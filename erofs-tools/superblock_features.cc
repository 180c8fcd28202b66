// The names of EROFS' feature bits (fs/erofs/erofs_fs.h, EROFS_FEATURE_*).
#include <iterator>

#include "absl/strings/str_cat.h"
#include "erofs-tools/superblock.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

// By bit number.
constexpr absl::string_view kCompat[] = {
    "sb_chksum", "mtime", "xattr_filter", "shared_ea_in_metabox", "plain_xattr_pfx", "ishare_xattrs"};
constexpr absl::string_view kIncompat[] = {
    "zero_padding", "compr_cfgs|big_pcluster", "chunked_file",   "device_table|compr_head2",
    "ztailpacking", "fragments|dedupe",        "xattr_prefixes", "48bit",
    "metabox"};

std::vector<std::string> Names(uint32_t bits, absl::Span<const absl::string_view> names) {
  std::vector<std::string> set;
  for (size_t bit = 0; bit < 32; ++bit) {
    if ((bits >> bit & 1) == 0) continue;
    set.push_back(bit < names.size() ? std::string(names[bit]) : absl::StrCat("bit ", bit));
  }
  return set;
}

}  // namespace

bool Superblock::HasCompressedData() const {
  // By the names above: bits 0, 1, 4 and 5. mkfs.erofs sets none of them without -z.
  constexpr uint32_t kOfCompression = 1U << 0 | 1U << 1 | 1U << 4 | 1U << 5;
  return (feature_incompat & kOfCompression) != 0;
}

bool Superblock::HasChunkedFiles() const {
  return (feature_incompat & kFeatureChunkedFile) != 0;
}

std::vector<std::string> CompatFeatureNames(uint32_t feature_compat) {
  return Names(feature_compat, kCompat);
}

std::vector<std::string> IncompatFeatureNames(uint32_t feature_incompat) {
  return Names(feature_incompat, kIncompat);
}

}  // namespace lacuna
