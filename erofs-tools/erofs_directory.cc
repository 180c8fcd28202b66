#include "erofs-tools/erofs_directory.h"

#include <sys/stat.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "erofs-tools/erofs_format.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {
namespace {

// By EROFS_FT_*.
constexpr uint16_t kTypes[] = {0, S_IFREG, S_IFDIR, S_IFCHR, S_IFBLK, S_IFIFO, S_IFSOCK, S_IFLNK};

absl::Status CheckName(absl::string_view name) {
  if (!name.empty() && name.size() <= kMaxNameLength && name.find('/') == absl::string_view::npos &&
      name.find('\0') == absl::string_view::npos) {
    return absl::OkStatus();
  }
  return IntegrityError(absl::StrCat("it has an entry of the name \"", EscapeForTerminal(name.substr(0, 300)),
                                     "\", which no file can have"));
}

absl::Status ParseBlock(absl::string_view block, std::vector<ErofsDirent>& entries) {
  const absl::Span<const char> bytes = block;
  const auto offset_of_name = [&](size_t entry) -> size_t {
    return LoadLittleEndian<uint16_t>(bytes, entry * directory_entry::kSize + directory_entry::kNameOffset);
  };
  const size_t first_name = block.size() < directory_entry::kSize ? 0 : offset_of_name(0);
  if (first_name == 0 || first_name % directory_entry::kSize != 0 || first_name >= block.size()) {
    return IntegrityError("a block of its entries has its names at no possible offset");
  }
  const size_t count = first_name / directory_entry::kSize;
  for (size_t i = 0; i < count; ++i) {
    const bool is_last = i + 1 == count;
    const size_t begin = offset_of_name(i);
    const size_t end = is_last ? block.size() : offset_of_name(i + 1);
    if (begin >= end || end > block.size()) return IntegrityError("the names of its entries overlap");
    absl::string_view name = block.substr(begin, end - begin);
    // Only behind the last name there is something else.
    if (is_last) name = name.substr(0, std::min(name.find('\0'), name.size()));
    RETURN_IF_ERROR(CheckName(name));
    const absl::Span<const char> entry = bytes.subspan(i * directory_entry::kSize);
    const auto type = LoadLittleEndian<uint8_t>(entry, directory_entry::kType);
    if (type == 0 || type >= std::size(kTypes)) {
      return IntegrityError(
          absl::StrCat("its entry ", EscapeForTerminal(name), " is of the unknown type ", type));
    }
    if (!entries.empty() && name <= entries.back().name) {
      return IntegrityError(
          absl::StrCat("its entry ", EscapeForTerminal(name), " is twice there or out of order"));
    }
    entries.push_back(
        {std::string(name), LoadLittleEndian<uint64_t>(entry, directory_entry::kNid), kTypes[type]});
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<ErofsDirent>> ParseDirectory(absl::string_view content, uint32_t block_size) {
  std::vector<ErofsDirent> entries;
  for (; !content.empty(); content.remove_prefix(std::min<size_t>(block_size, content.size()))) {
    RETURN_IF_ERROR(ParseBlock(content.substr(0, block_size), entries));
  }
  return entries;
}

}  // namespace lacuna
