#include "erofs-tools/tar/tar_header.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "erofs-tools/tar/tar_error.h"
#include "erofs-tools/tar/tar_number.h"

namespace lacuna {
namespace {

struct Field {
  size_t offset;
  size_t length;
};

constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr size_t kFlag = 156;
constexpr Field kTarget{157, 100};
constexpr Field kMagic{257, 6};
constexpr Field kMagicAndVersion{257, 8};
constexpr Field kDeviceMajor{329, 8};
constexpr Field kDeviceMinor{337, 8};
constexpr Field kPrefix{345, 155};
constexpr Field kStarPrefix{345, 131};
constexpr Field kStarTrailer{508, 4};
constexpr Field kGnuAtime{345, 12};
constexpr Field kGnuCtime{357, 12};
constexpr Field kGnuSegments{386, 4 * 24 + 1};
constexpr Field kGnuRealSize{483, 12};

constexpr absl::string_view kUstarMagic("ustar\0", 6);
constexpr absl::string_view kGnuMagic("ustar  \0", 8);
constexpr absl::string_view kStarMagic("tar\0", 4);

absl::string_view Bytes(absl::string_view block, Field field) {
  return block.substr(field.offset, field.length);
}

absl::string_view Text(absl::string_view block, Field field) {
  const absl::string_view bytes = Bytes(block, field);
  return bytes.substr(0, bytes.find('\0'));
}

// The sum is over the block with spaces in the checksum's place. Some old programs summed signed bytes.
bool ChecksumIsRight(absl::string_view block) {
  const auto said = ParseTarOctal(Bytes(block, kChecksum));
  int32_t unsigned_sum = 0;
  int32_t signed_sum = 0;
  for (const char c : block) {
    unsigned_sum += static_cast<unsigned char>(c);
    signed_sum += static_cast<signed char>(c);
  }
  for (const char c : Bytes(block, kChecksum)) {
    unsigned_sum += ' ' - static_cast<unsigned char>(c);
    signed_sum += ' ' - static_cast<signed char>(c);
  }
  return said == unsigned_sum || said == signed_sum;
}

bool IsAscii(absl::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return false;
  }
  return true;
}

// Old GNU headers have times where ustar has the prefix. Go before 1.8 wrote a prefix there all the same, and
// with it docker of that time: what is no time but reads as text is taken for one, as Go does since.
absl::string_view GnuPrefix(absl::string_view block) {
  const auto is_time = [&](Field field) {
    return block[field.offset] == '\0' || ParseTarNumber(Bytes(block, field)).has_value();
  };
  if (is_time(kGnuAtime) && is_time(kGnuCtime)) return {};
  const absl::string_view prefix = Text(block, kPrefix);
  return IsAscii(prefix) ? prefix : absl::string_view();
}

absl::Status ReadNumber(absl::string_view block, Field field, absl::string_view what, int64_t& value) {
  const std::optional<int64_t> number = ParseTarNumber(Bytes(block, field));
  if (!number.has_value()) {
    return TarEntryError(Text(block, kName), absl::StrCat("its ", what, " is not a number"));
  }
  value = *number;
  return absl::OkStatus();
}

}  // namespace

bool IsZeroBlock(absl::string_view block) {
  return block.find_first_not_of('\0') == absl::string_view::npos;
}

absl::StatusOr<TarHeader> ParseTarHeader(absl::string_view block) {
  if (!ChecksumIsRight(block)) {
    return absl::InvalidArgumentError("its checksum is wrong: damaged, or not a tar archive");
  }
  TarHeader header{.flag = block[kFlag], .name = Text(block, kName), .target = Text(block, kTarget)};
  RETURN_IF_ERROR(ReadNumber(block, kMode, "mode", header.mode));
  RETURN_IF_ERROR(ReadNumber(block, kUid, "uid", header.uid));
  RETURN_IF_ERROR(ReadNumber(block, kGid, "gid", header.gid));
  RETURN_IF_ERROR(ReadNumber(block, kSize, "size", header.size));
  RETURN_IF_ERROR(ReadNumber(block, kMtime, "mtime", header.mtime));
  const bool ustar = Bytes(block, kMagic) == kUstarMagic;
  const bool gnu = Bytes(block, kMagicAndVersion) == kGnuMagic;
  if (!ustar && !gnu) return header;  // v7
  RETURN_IF_ERROR(ReadNumber(block, kDeviceMajor, "major device number", header.device_major));
  RETURN_IF_ERROR(ReadNumber(block, kDeviceMinor, "minor device number", header.device_minor));
  if (gnu) {
    header.prefix = GnuPrefix(block);
    header.gnu_real_size = Bytes(block, kGnuRealSize);
    header.gnu_segments = Bytes(block, kGnuSegments);
  } else {
    header.prefix = Text(block, Bytes(block, kStarTrailer) == kStarMagic ? kStarPrefix : kPrefix);
  }
  return header;
}

}  // namespace lacuna
