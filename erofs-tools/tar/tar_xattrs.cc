#include "erofs-tools/tar/tar_xattrs.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"

namespace lacuna {
namespace {

constexpr size_t kLongestName = 255;
constexpr size_t kLongestValue = 65536;

std::string UrlDecode(absl::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 1])) &&
        absl::ascii_isxdigit(static_cast<unsigned char>(text[i + 2]))) {
      decoded += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      decoded.push_back(text[i]);
    }
  }
  return decoded;
}

bool IsWanted(absl::string_view name) {
  if (absl::StartsWith(name, "trusted.overlay.") || absl::StartsWith(name, "user.overlay.")) return false;
  for (const absl::string_view space : {"user.", "trusted.", "security."}) {
    if (absl::StartsWith(name, space) && name.size() > space.size()) return true;
  }
  return name == "system.posix_acl_access" || name == "system.posix_acl_default";
}

}  // namespace

std::optional<Xattr> DecodeLibarchiveXattr(absl::string_view name, absl::string_view value) {
  Xattr xattr{.name = UrlDecode(name)};
  if (absl::StrContains(xattr.name, '\0') || !absl::Base64Unescape(value, &xattr.value)) return std::nullopt;
  return xattr;
}

absl::StatusOr<std::vector<Xattr>> ChooseXattrs(std::map<std::string, std::string> schily,
                                                std::map<std::string, std::string> libarchive) {
  schily.merge(libarchive);
  std::vector<Xattr> chosen;
  for (auto& [name, value] : schily) {
    if (!IsWanted(name)) continue;
    if (name.size() > kLongestName || value.size() > kLongestValue) {
      return absl::InvalidArgumentError(
          absl::StrCat("its extended attribute \"", EscapeForTerminal(absl::string_view(name).substr(0, 200)),
                       "\" is longer than Linux allows"));
    }
    chosen.push_back({.name = name, .value = std::move(value)});
  }
  return chosen;
}

}  // namespace lacuna
