#include "erofs-tools/tar/entry_builder.h"

#include <limits>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/tar/tar_error.h"
#include "erofs-tools/tar/tar_number.h"
#include "erofs-tools/tar/tar_xattrs.h"

namespace lacuna {
namespace {

constexpr int64_t kLargestSize = int64_t{1} << 62;  // sums of a few do not overflow
constexpr size_t kLongestPath = 1024 * 1024;

absl::StatusOr<TarEntry::Type> TypeOf(char flag, absl::string_view path) {
  switch (flag) {
    case '\0':
      // v7 has no flag of its own for directories.
      return absl::EndsWith(path, "/") ? TarEntry::Type::kDirectory : TarEntry::Type::kRegular;
    case '0':
    case '7':  // wants to be contiguous
    case 'S':  // sparse
      return TarEntry::Type::kRegular;
    case '1':
      return TarEntry::Type::kHardLink;
    case '2':
      return TarEntry::Type::kSymlink;
    case '3':
      return TarEntry::Type::kCharDevice;
    case '4':
      return TarEntry::Type::kBlockDevice;
    case '5':
      return TarEntry::Type::kDirectory;
    case '6':
      return TarEntry::Type::kFifo;
    default:
      return TarEntryError(path, absl::StrCat("its type '", EscapeForTerminal(absl::string_view(&flag, 1)),
                                              "' cannot be unpacked"));
  }
}

// As Go does: the versions that it does not know are no sparse files.
SparseFormat FormatOf(const TarHeader& header, const PaxSparse* pax) {
  if (header.flag == 'S') return SparseFormat::kGnu;
  if (pax == nullptr) return SparseFormat::kNotSparse;
  if (pax->major == "1" && pax->minor == "0") return SparseFormat::kPaxText;
  if (pax->major == "0" && (pax->minor == "0" || pax->minor == "1")) return SparseFormat::kPaxRecords;
  const bool unknown = !pax->major.empty() || !pax->minor.empty() || pax->map.empty();
  return unknown ? SparseFormat::kNotSparse : SparseFormat::kPaxRecords;
}

// GNU's long names win over PAX, and both over the header, as in Go.
void SetNames(const TarHeader& header, const HeadersBefore& before, TarEntry& entry) {
  if (!before.long_path.empty()) {
    entry.path = before.long_path;
  } else if (before.pax.has_value() && !before.pax->path.empty()) {
    entry.path = before.pax->path;
  } else {
    entry.path.assign(header.prefix.data(), header.prefix.size());
    if (!header.prefix.empty()) entry.path.push_back('/');
    entry.path.append(header.name.data(), header.name.size());
  }
  if (!before.long_target.empty()) {
    entry.target = before.long_target;
  } else if (before.pax.has_value() && !before.pax->target.empty()) {
    entry.target = before.pax->target;
  } else {
    entry.target.assign(header.target.data(), header.target.size());
  }
}

absl::Status CheckNames(TarEntry& entry) {
  if (entry.path.empty()) return absl::InvalidArgumentError("entry without a path");
  if (entry.path.size() > kLongestPath) return TarEntryError(entry.path, "its path is over 1 MiB");
  if (absl::StrContains(entry.path, '\0')) return TarEntryError(entry.path, "its path holds a NUL");
  const bool link = entry.type == TarEntry::Type::kHardLink || entry.type == TarEntry::Type::kSymlink;
  if (link && entry.target.empty()) return TarEntryError(entry.path, "a link without a target");
  if (!link) entry.target.clear();
  return absl::OkStatus();
}

absl::Status OutOfRange(const TarEntry& entry, absl::string_view what, int64_t value) {
  return TarEntryError(entry.path, absl::StrCat("its ", what, ", ", value, ", is out of range"));
}

absl::Status SetUint32(const TarEntry& entry, absl::string_view what, int64_t value, uint32_t& field) {
  if (value < 0 || value > std::numeric_limits<uint32_t>::max()) return OutOfRange(entry, what, value);
  field = static_cast<uint32_t>(value);
  return absl::OkStatus();
}

absl::Status SetSize(const TarEntry& entry, int64_t value, uint64_t& field) {
  if (value < 0 || value > kLargestSize) return OutOfRange(entry, "size", value);
  field = static_cast<uint64_t>(value);
  return absl::OkStatus();
}

absl::Status SetNumbers(const TarHeader& header, const PaxHeader* pax, TarEntry& entry) {
  entry.permissions = static_cast<uint16_t>(header.mode & 07777);
  RETURN_IF_ERROR(
      SetUint32(entry, "uid", pax != nullptr ? pax->uid.value_or(header.uid) : header.uid, entry.uid));
  RETURN_IF_ERROR(
      SetUint32(entry, "gid", pax != nullptr ? pax->gid.value_or(header.gid) : header.gid, entry.gid));
  const TarTime mtime{.seconds = header.mtime};
  const TarTime chosen = pax != nullptr ? pax->mtime.value_or(mtime) : mtime;
  entry.mtime = chosen.seconds;
  entry.mtime_nanoseconds = chosen.nanoseconds;
  entry.device_major = 0;
  entry.device_minor = 0;
  if (entry.type != TarEntry::Type::kCharDevice && entry.type != TarEntry::Type::kBlockDevice) {
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(SetUint32(entry, "major device number", header.device_major, entry.device_major));
  return SetUint32(entry, "minor device number", header.device_minor, entry.device_minor);
}

// The size of a sparse file with its holes; that of what is stored where nothing is said.
absl::Status SetSparseSize(const TarHeader& header, const PaxSparse* pax, SparseFormat format,
                           TarEntry& entry) {
  if (entry.type != TarEntry::Type::kRegular)
    return TarEntryError(entry.path, "sparse, but not a regular file");
  std::optional<int64_t> size;
  if (format == SparseFormat::kGnu) {
    if (header.gnu_real_size.empty()) {
      return TarEntryError(entry.path, "its type 'S' cannot be unpacked: not in GNU's format");
    }
    size = ParseTarNumber(header.gnu_real_size);
  } else {
    const std::string& text = pax->size.empty() ? pax->real_size : pax->size;
    if (text.empty()) return absl::OkStatus();
    size = ParseTarDecimal(text);
  }
  if (!size.has_value()) return TarEntryError(entry.path, "its size with holes is not a number");
  return SetSize(entry, *size, entry.size);
}

}  // namespace

absl::StatusOr<EntryBody> BuildTarEntry(const TarHeader& header, const HeadersBefore& before,
                                        TarEntry& entry) {
  const PaxHeader* pax = before.pax.has_value() ? &*before.pax : nullptr;
  const PaxSparse* sparse = pax != nullptr ? &pax->sparse : nullptr;
  EntryBody body{.sparse = FormatOf(header, sparse)};
  SetNames(header, before, entry);
  ASSIGN_OR_RETURN(entry.type, TypeOf(header.flag, entry.path));
  const bool in_pax = body.sparse == SparseFormat::kPaxRecords || body.sparse == SparseFormat::kPaxText;
  if (sparse != nullptr && in_pax && !sparse->name.empty()) entry.path = sparse->name;
  RETURN_IF_ERROR(CheckNames(entry));
  RETURN_IF_ERROR(SetNumbers(header, pax, entry));
  // As in Go: of other types nothing is stored, whatever their size says.
  if (entry.type == TarEntry::Type::kRegular) {
    const int64_t size = pax != nullptr ? pax->size.value_or(header.size) : header.size;
    RETURN_IF_ERROR(SetSize(entry, size, body.stored));
  }
  entry.size = body.stored;
  if (body.sparse != SparseFormat::kNotSparse) {
    RETURN_IF_ERROR(SetSparseSize(header, sparse, body.sparse, entry));
  }
  entry.xattrs.clear();
  if (pax != nullptr) {
    auto xattrs = ChooseXattrs(pax->schily_xattrs, pax->libarchive_xattrs);
    if (!xattrs.ok()) return TarEntryError(entry.path, xattrs.status().message());
    entry.xattrs = *std::move(xattrs);
  }
  return body;
}

}  // namespace lacuna
