// All of an EROFS's metadata, as anybody may have written it.
//
// Input: an image. It is checked with its superblock's checksum made right, so that the fuzzer gets past it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "erofs-tools/crc32c.h"
#include "erofs-tools/erofs_check.h"
#include "erofs-tools/little_endian.h"
#include "erofs-tools/superblock_layout.h"

namespace lacuna {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

// Right for 4 KiB blocks.
void RepairChecksum(std::string& image) {
  if (image.size() < 4096) return;
  const absl::Span<char> covered = absl::MakeSpan(image).subspan(kSuperblockOffset, 4096 - kSuperblockOffset);
  StoreLittleEndian<uint32_t>(0, covered, superblock_field::kChecksum);
  StoreLittleEndian<uint32_t>(Crc32c(~uint32_t{0}, covered), covered, superblock_field::kChecksum);
}

void CheckImage(const std::string& image) {
  const RangeReader read = [&](const ByteRange& range) -> absl::StatusOr<std::string> {
    Require(range.length <= image.size() && range.offset <= image.size() - range.length);
    return image.substr(range.offset, range.length);
  };
  absl::StatusOr<ErofsReader> reader = ErofsReader::Open(image.size(), read);
  if (!reader.ok()) return;
  const absl::StatusOr<ErofsSummary> summary = CheckErofs(*reader);
  // The last piece is what the walk found to be too much.
  Require(reader->private_bytes() <= 2 * image.size());
  if (!summary.ok()) {
    Require(!summary.status().message().empty());
    return;
  }
  Require(summary->inodes <= image.size() / 32);
  Require(summary->names >= summary->inodes);
  Require(summary->hole_bytes <= summary->file_bytes);
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string image(reinterpret_cast<const char*>(data), size);
  lacuna::RepairChecksum(image);
  lacuna::CheckImage(image);
  return 0;
}
