#include "erofs-tools/tar/extension_headers.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "erofs-tools/tar/tar_error.h"

namespace lacuna {
namespace {

constexpr int64_t kLongest = 1024 * 1024;  // Go's and libarchive's limit

}  // namespace

bool ExtensionHeaders::IsOne(const TarHeader& header) {
  return header.flag == 'x' || header.flag == 'g' || header.flag == 'L' || header.flag == 'K';
}

absl::Status ExtensionHeaders::Start(const TarHeader& header) {
  flag_ = header.flag;
  path_.assign(header.name.data(), header.name.size());
  data_.clear();
  if (header.size >= 0 && header.size <= kLongest) return absl::OkStatus();
  return TarEntryError(path_,
                       absl::StrCat("an extended header of ", header.size, " bytes; at most 1 MiB is read"));
}

absl::Status ExtensionHeaders::End() {
  if (flag_ == 'L' || flag_ == 'K') {
    (flag_ == 'L' ? before_.long_path : before_.long_target) = data_.substr(0, data_.find('\0'));
    return absl::OkStatus();
  }
  auto pax = ParsePaxHeader(data_);
  if (!pax.ok()) return TarEntryError(path_, pax.status().message());
  // To Go a global header is an entry of its own, which takes what was said before it; its records are
  // ignored by those who unpack layers.
  if (flag_ == 'g') {
    before_ = {};
  } else {
    before_.pax = *std::move(pax);
  }
  return absl::OkStatus();
}

}  // namespace lacuna
