#include "erofs-tools/tar/tar_number.h"

#include <charconv>
#include <limits>
#include <system_error>

namespace lacuna {
namespace {

constexpr int64_t kMaxInt64 = std::numeric_limits<int64_t>::max();
constexpr uint32_t kNanosecondsPerSecond = 1'000'000'000;

std::optional<int64_t> ParseBase256(absl::string_view field) {
  // Of a negative number all bits are turned around, which leaves -n - 1.
  const bool negative = (static_cast<unsigned char>(field[0]) & 0x40) != 0;
  uint64_t value = 0;
  for (size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (negative) byte = static_cast<unsigned char>(~byte);
    if (i == 0) byte &= 0x7f;  // the mark of base-256
    if (value >> 56 != 0) return std::nullopt;
    value = value << 8 | byte;
  }
  if (value > static_cast<uint64_t>(kMaxInt64)) return std::nullopt;
  return negative ? ~static_cast<int64_t>(value) : static_cast<int64_t>(value);
}

}  // namespace

std::optional<int64_t> ParseTarOctal(absl::string_view field) {
  constexpr absl::string_view kBlank(" \0", 2);
  const size_t begin = field.find_first_not_of(kBlank);
  if (begin == absl::string_view::npos) return 0;
  field.remove_prefix(begin);
  field = field.substr(0, field.find('\0'));
  field = field.substr(0, field.find_last_not_of(' ') + 1);
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value, 8);
  if (error != std::errc() || end != field.data() + field.size()) return std::nullopt;
  if (value > static_cast<uint64_t>(kMaxInt64)) return std::nullopt;
  return static_cast<int64_t>(value);
}

std::optional<int64_t> ParseTarNumber(absl::string_view field) {
  const bool base256 = !field.empty() && (static_cast<unsigned char>(field[0]) & 0x80) != 0;
  return base256 ? ParseBase256(field) : ParseTarOctal(field);
}

std::optional<int64_t> ParseTarDecimal(absl::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<TarTime> ParsePaxTime(absl::string_view text) {
  const size_t point = text.find('.');
  const auto seconds = ParseTarDecimal(text.substr(0, point));
  if (!seconds.has_value()) return std::nullopt;
  TarTime time{.seconds = *seconds};
  if (point == absl::string_view::npos) return time;
  uint32_t unit = kNanosecondsPerSecond;
  bool more = false;
  for (const char c : text.substr(point + 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    unit /= 10;
    time.nanoseconds += unit * static_cast<uint32_t>(c - '0');
    more |= unit == 0 && c != '0';
  }
  if (text[0] != '-') return time;
  if (more) ++time.nanoseconds;
  if (time.nanoseconds == 0) return time;
  if (time.seconds == std::numeric_limits<int64_t>::min()) return std::nullopt;
  return TarTime{.seconds = time.seconds - 1, .nanoseconds = kNanosecondsPerSecond - time.nanoseconds};
}

}  // namespace lacuna
