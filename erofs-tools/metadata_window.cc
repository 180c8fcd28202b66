#include "erofs-tools/metadata_window.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/little_endian.h"

namespace lacuna {

absl::Status MetadataWindow::CheckRange(uint64_t offset, uint64_t length) const {
  if (length <= size_ && offset <= size_ - length) return absl::OkStatus();
  return IntegrityError(absl::StrCat("what should be at offset ", offset, ", ", length,
                                     " bytes, lies outside the image of ", size_));
}

absl::StatusOr<uint32_t> MetadataWindow::ReadWord(uint64_t offset) {
  RETURN_IF_ERROR(CheckRange(offset, sizeof(uint32_t)));
  ASSIGN_OR_RETURN(const Page* page, PageAt(offset));
  return LoadLittleEndian<uint32_t>(page->bytes, offset % kPageSize);
}

absl::StatusOr<std::string> MetadataWindow::Read(uint64_t offset, uint64_t length) {
  RETURN_IF_ERROR(CheckRange(offset, length));
  if (length > kPageSize) return read_(ByteRange{offset, length});
  std::string bytes;
  while (bytes.size() < length) {
    ASSIGN_OR_RETURN(const Page* page, PageAt(offset + bytes.size()));
    bytes.append(page->bytes, (offset + bytes.size()) % kPageSize, length - bytes.size());
  }
  return bytes;
}

absl::StatusOr<const MetadataWindow::Page*> MetadataWindow::PageAt(uint64_t offset) {
  const uint64_t number = offset / kPageSize;
  Page& page = pages_[number % kPages];
  if (page.bytes.empty() || page.number != number) {
    const uint64_t start = number * kPageSize;
    ASSIGN_OR_RETURN(page.bytes, read_(ByteRange{start, std::min(kPageSize, size_ - start)}));
    page.number = number;
  }
  return &page;
}

}  // namespace lacuna
