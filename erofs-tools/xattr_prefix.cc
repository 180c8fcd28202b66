#include "erofs-tools/xattr_prefix.h"

#include "absl/strings/match.h"

namespace lacuna {
namespace {

struct Prefix {
  uint8_t number;
  absl::string_view text;
  bool whole;  // there is only this one name
};

constexpr Prefix kPrefixes[] = {
    {1, "user.", false},
    {2, "system.posix_acl_access", true},
    {3, "system.posix_acl_default", true},
    {4, "trusted.", false},
    {6, "security.", false},
};

}  // namespace

std::optional<SplitXattrName> SplitXattrPrefix(absl::string_view name) {
  for (const Prefix& prefix : kPrefixes) {
    if (!absl::StartsWith(name, prefix.text)) continue;
    const absl::string_view rest = name.substr(prefix.text.size());
    if (rest.empty() == prefix.whole) return SplitXattrName{prefix.number, rest};
  }
  return std::nullopt;
}

std::optional<absl::string_view> XattrPrefixText(uint8_t number) {
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.number == number) return prefix.text;
  }
  return std::nullopt;
}

}  // namespace lacuna
