// ErofsReader: extended attributes.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/erofs_reader.h"
#include "erofs-tools/xattr_prefix.h"

namespace lacuna {
namespace {

constexpr uint8_t kLongPrefix = 0x80;

absl::Status CheckNamesDiffer(const std::vector<XattrPlace>& xattrs) {
  std::vector<absl::string_view> names;
  names.reserve(xattrs.size());
  for (const XattrPlace& xattr : xattrs) names.push_back(xattr.name);
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  if (twice == names.end()) return absl::OkStatus();
  return IntegrityError(
      absl::StrCat("its extended attribute ", EscapeForTerminal(*twice), " is there twice"));
}

}  // namespace

absl::StatusOr<XattrPlace> ErofsReader::ReadXattrEntry(uint64_t offset, uint64_t limit) {
  ASSIGN_OR_RETURN(const uint32_t head, window_.ReadWord(offset));
  const uint64_t name_length = head >> (8 * xattr_entry::kNameLength) & 0xff;
  const auto prefix = static_cast<uint8_t>(head >> (8 * xattr_entry::kPrefix));
  const uint64_t value_length = head >> (8 * xattr_entry::kValueLength);
  const uint64_t name_offset = offset + xattr_entry::kSize;
  if (name_offset + name_length + value_length > limit) {
    return IntegrityError(absl::StrCat("its extended attribute at offset ", offset, " is cut short"));
  }
  if ((prefix & kLongPrefix) != 0) {
    return absl::UnimplementedError(
        "its extended attributes have prefixes of the image's own, which lacuna does not read; make the "
        "image without "
        "--xattr-prefix");
  }
  const std::optional<absl::string_view> prefix_text = XattrPrefixText(prefix);
  if (!prefix_text.has_value()) {
    return IntegrityError(
        absl::StrCat("its extended attribute at offset ", offset, " is in the unknown namespace ", prefix));
  }
  ASSIGN_OR_RETURN(const std::string rest, window_.Read(name_offset, name_length));
  XattrPlace place{absl::StrCat(*prefix_text, rest), {name_offset + name_length, value_length}};
  const auto split = SplitXattrPrefix(place.name);
  if (!split.has_value() || split->prefix != prefix || rest.find('\0') != std::string::npos) {
    return IntegrityError(
        absl::StrCat("its extended attribute at offset ", offset, " has a name that none can have"));
  }
  return place;
}

absl::StatusOr<std::vector<XattrPlace>> ErofsReader::ReadXattrs(const ErofsInode& inode) {
  std::vector<XattrPlace> xattrs;
  if (inode.xattr_size == 0) return xattrs;
  const uint64_t begin = inode.offset + inode.inode_size;
  const uint64_t end = inode.body_offset();
  ASSIGN_OR_RETURN(const uint32_t counts, window_.ReadWord(begin + xattr_header::kSharedCount));
  const uint64_t shared = counts & 0xff;
  uint64_t offset = begin + xattr_header::kSize + shared * kSharedXattrIdSize;
  if (offset > end || inode.xattr_size == xattr_header::kSize || end > window_.size()) {
    return IntegrityError("its extended attributes do not fit behind its inode");
  }
  private_bytes_ += inode.xattr_size;
  const uint64_t shared_area = uint64_t{metadata_.superblock.xattr_block} * metadata_.superblock.block_size;
  for (uint64_t i = 0; i < shared; ++i) {
    ASSIGN_OR_RETURN(const uint64_t id,
                     window_.ReadWord(begin + xattr_header::kSize + i * kSharedXattrIdSize));
    const uint64_t place = shared_area + id * kXattrAlignment;
    ASSIGN_OR_RETURN(XattrPlace xattr, ReadXattrEntry(place, window_.size()));
    xattrs.push_back(std::move(xattr));
  }
  while (offset < end) {
    ASSIGN_OR_RETURN(XattrPlace xattr, ReadXattrEntry(offset, end));
    offset = RoundUp(xattr.value.end(), kXattrAlignment);
    xattrs.push_back(std::move(xattr));
  }
  RETURN_IF_ERROR(CheckNamesDiffer(xattrs));
  return xattrs;
}

absl::StatusOr<std::string> ErofsReader::ReadXattrValue(const XattrPlace& xattr) {
  return window_.Read(xattr.value.offset, xattr.value.length);
}

}  // namespace lacuna
