#include "erofs-tools/xattr_table.h"

#include <limits>
#include <optional>

#include "absl/strings/str_cat.h"
#include "daemon/base/byte_range.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/xattr_prefix.h"

namespace lacuna {
namespace {

constexpr size_t kMaxShared = std::numeric_limits<uint8_t>::max();  // of one inode
constexpr size_t kMaxBeside = xattr_header::kSize + 65534 * kXattrAlignment;

size_t EntrySize(const Xattr& xattr) {
  const size_t rest = SplitXattrPrefix(xattr.name)->rest.size();
  return RoundUp(xattr_entry::kSize + rest + xattr.value.size(), kXattrAlignment);
}

absl::Status CheckXattr(const Xattr& xattr) {
  const std::optional<SplitXattrName> name = SplitXattrPrefix(xattr.name);
  const char* fault = nullptr;
  if (!name.has_value()) {
    fault = "EROFS has only user., trusted., security. and POSIX ACLs";
  } else if (name->rest.size() > std::numeric_limits<uint8_t>::max()) {
    fault = "its name is longer than 255 bytes";
  } else if (xattr.value.size() > std::numeric_limits<uint16_t>::max()) {
    fault = "its value is longer than 65535 bytes";
  }
  if (fault == nullptr) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("extended attribute ", EscapeForTerminal(xattr.name), ": ", fault));
}

void StoreEntry(const Xattr& xattr, absl::Span<char> out) {
  const SplitXattrName name = *SplitXattrPrefix(xattr.name);
  StoreLittleEndian<uint8_t>(static_cast<uint8_t>(name.rest.size()), out, xattr_entry::kNameLength);
  StoreLittleEndian<uint8_t>(name.prefix, out, xattr_entry::kPrefix);
  StoreLittleEndian<uint16_t>(static_cast<uint16_t>(xattr.value.size()), out, xattr_entry::kValueLength);
  char* const text = out.data() + xattr_entry::kSize;
  name.rest.copy(text, name.rest.size());
  xattr.value.copy(text + name.rest.size(), xattr.value.size());
}

}  // namespace

absl::StatusOr<XattrTable> XattrTable::Of(const InodeList& inodes) {
  XattrTable table;
  for (uint32_t i = 0; i < inodes.size(); ++i) {
    if (const absl::Status status = table.Count(*inodes[i].node); !status.ok()) {
      return Annotate(status, inodes.PathOf(i));
    }
  }
  for (uint32_t i = 0; i < inodes.size(); ++i) table.Share(*inodes[i].node);
  for (uint32_t i = 0; i < inodes.size(); ++i) {
    if (table.SizeBeside(*inodes[i].node) > kMaxBeside) {
      return absl::InvalidArgumentError(
          absl::StrCat(inodes.PathOf(i), ": more than ", kMaxBeside, " bytes of extended attributes"));
    }
  }
  return table;
}

absl::Status XattrTable::Count(const FileNode& node) {
  for (const Xattr& xattr : node.xattrs) {
    RETURN_IF_ERROR(CheckXattr(xattr));
    ++placements_[{xattr.name, xattr.value}].uses;
  }
  return absl::OkStatus();
}

// Those whose one copy and references are smaller than their copies.
void XattrTable::Share(const FileNode& node) {
  for (const Xattr& xattr : node.xattrs) {
    Placement& placement = placements_[{xattr.name, xattr.value}];
    const size_t size = EntrySize(xattr);
    if (placement.shared || size + kSharedXattrIdSize * placement.uses >= size * placement.uses) continue;
    placement.shared = true;
    placement.offset = shared_area_.size();
    shared_area_.resize(shared_area_.size() + size);
    StoreEntry(xattr, absl::MakeSpan(shared_area_).subspan(placement.offset));
  }
}

const XattrTable::Placement& XattrTable::PlacementOf(const Xattr& xattr) const {
  return placements_.find(NameAndValue(xattr.name, xattr.value))->second;
}

bool XattrTable::IsShared(const Xattr& xattr, size_t shared_before) const {
  return shared_before < kMaxShared && PlacementOf(xattr).shared;
}

size_t XattrTable::SizeBeside(const FileNode& node) const {
  if (node.xattrs.empty()) return 0;
  size_t shared = 0;
  size_t size = xattr_header::kSize;
  for (const Xattr& xattr : node.xattrs) {
    const bool is_shared = IsShared(xattr, shared);
    size += is_shared ? kSharedXattrIdSize : EntrySize(xattr);
    if (is_shared) ++shared;
  }
  return size;
}

void XattrTable::Store(const FileNode& node, uint64_t shared_base, absl::Span<char> out) const {
  if (node.xattrs.empty()) return;
  size_t shared = 0;
  size_t at = xattr_header::kSize;
  // The references come first; what there is no room for among them is stored like the others.
  for (const Xattr& xattr : node.xattrs) {
    if (!IsShared(xattr, shared)) continue;
    const uint64_t offset = shared_base + PlacementOf(xattr).offset;
    StoreLittleEndian<uint32_t>(static_cast<uint32_t>(offset / kXattrAlignment), out, at);
    at += kSharedXattrIdSize;
    ++shared;
  }
  StoreLittleEndian<uint8_t>(static_cast<uint8_t>(shared), out, xattr_header::kSharedCount);
  shared = 0;
  for (const Xattr& xattr : node.xattrs) {
    if (IsShared(xattr, shared)) {
      ++shared;
      continue;
    }
    StoreEntry(xattr, out.subspan(at));
    at += EntrySize(xattr);
  }
}

}  // namespace lacuna
