#include "daemon/mount_info.h"

#include <fstream>
#include <sstream>

#include "absl/strings/str_split.h"

namespace lacuna {
namespace {

bool IsOctal(char c) {
  return c >= '0' && c <= '7';
}

// Space, tab, newline and backslash are written as \ooo.
std::string Unescape(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool escaped = text[i] == '\\' && i + 3 < text.size() && IsOctal(text[i + 1]) &&
                         IsOctal(text[i + 2]) && IsOctal(text[i + 3]);
    if (!escaped) {
      out += text[i];
      continue;
    }
    out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
    i += 3;
  }
  return out;
}

}  // namespace

std::vector<MountEntry> ParseMountInfo(absl::string_view text) {
  std::vector<MountEntry> entries;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    // id parent major:minor root directory options [optional...] - type source super-options
    const std::pair<absl::string_view, absl::string_view> halves =
        absl::StrSplit(line, absl::MaxSplits(" - ", 1));
    const std::vector<absl::string_view> left = absl::StrSplit(halves.first, ' ');
    const std::vector<absl::string_view> right = absl::StrSplit(halves.second, ' ');
    if (left.size() < 6 || right.size() < 2) continue;
    entries.push_back({std::string(left[2]), Unescape(left[4]), std::string(right[0]), Unescape(right[1])});
  }
  return entries;
}

absl::StatusOr<std::vector<MountEntry>> ReadMountInfo() {
  std::ifstream file("/proc/self/mountinfo");
  std::ostringstream text;
  if (!file || !(text << file.rdbuf())) return absl::InternalError("cannot read /proc/self/mountinfo");
  return ParseMountInfo(text.str());
}

}  // namespace lacuna
