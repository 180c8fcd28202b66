#include "registry/platform.h"

#include <sys/utsname.h>

#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace lacuna {
namespace {

struct Alias {
  absl::string_view name;
  absl::string_view architecture;
  absl::string_view variant;
};

// containerd's normalizeArch, and what uname calls the 32-bit ones.
constexpr Alias kAliases[] = {
    {"x86_64", "amd64", ""},   {"x86-64", "amd64", ""},        {"i386", "386", ""},
    {"i686", "386", ""},       {"aarch64", "arm64", ""},       {"armhf", "arm", "v7"},
    {"armel", "arm", "v6"},    {"armv7l", "arm", "v7"},        {"armv6l", "arm", "v6"},
    {"armv5tel", "arm", "v5"}, {"loongarch64", "loong64", ""},
};

// The variant that an architecture means when none is named.
constexpr Alias kUsualVariants[] = {{"", "amd64", "v1"}, {"", "arm64", "v8"}, {"", "arm", "v7"}};

absl::string_view UsualVariant(absl::string_view architecture) {
  for (const Alias& usual : kUsualVariants) {
    if (usual.architecture == architecture) return usual.variant;
  }
  return "";
}

// The number of "v8"; 0 when `variant` is no such level.
int Level(absl::string_view variant) {
  int level = 0;
  return !variant.empty() && variant.front() == 'v' && absl::SimpleAtoi(variant.substr(1), &level) &&
                 level > 0
             ? level
             : 0;
}

absl::string_view VariantOf(const Platform& platform) {
  return platform.variant.empty() ? UsualVariant(platform.architecture) : platform.variant;
}

}  // namespace

std::string ToString(const Platform& platform) {
  return absl::StrCat(platform.os, "/", platform.architecture, platform.variant.empty() ? "" : "/",
                      platform.variant);
}

Platform Normalize(Platform platform) {
  absl::AsciiStrToLower(&platform.os);
  absl::AsciiStrToLower(&platform.architecture);
  absl::AsciiStrToLower(&platform.variant);
  for (const Alias& alias : kAliases) {
    if (platform.architecture != alias.name) continue;
    platform.architecture = std::string(alias.architecture);
    if (platform.variant.empty()) platform.variant = std::string(alias.variant);
    break;
  }
  int number = 0;
  if (absl::SimpleAtoi(platform.variant, &number)) platform.variant = absl::StrCat("v", number);  // "8"
  const absl::string_view usual = UsualVariant(platform.architecture);
  if (platform.architecture == "arm") {
    if (platform.variant.empty()) platform.variant = std::string(usual);
  } else if (platform.variant == usual) {
    platform.variant.clear();
  }
  return platform;
}

absl::StatusOr<Platform> ParsePlatform(absl::string_view text) {
  const std::vector<std::string> parts = absl::StrSplit(text.substr(0, 200), '/');
  bool good = parts.size() == 2 || parts.size() == 3;
  for (const std::string& part : parts) {
    good = good && !part.empty();
    for (const char c : part) good = good && (absl::ascii_isalnum(c) || c == '_' || c == '-' || c == '.');
  }
  if (!good) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", absl::CHexEscape(text.substr(0, 100)),
                     "' is not a platform; write OS/ARCHITECTURE[/VARIANT], for "
                     "example linux/arm64"));
  }
  return Normalize({parts[0], parts[1], parts.size() == 3 ? parts[2] : ""});
}

Platform HostPlatform() {
  utsname host{};
  uname(&host);  // cannot fail: its one error is a bad pointer
  return Normalize({host.sysname, host.machine, ""});
}

int Suitability(const Platform& wanted, const Platform& offered) {
  if (wanted.os != offered.os || wanted.architecture != offered.architecture) return 0;
  const int level = Level(VariantOf(offered));
  if (level > 0 && level <= Level(VariantOf(wanted))) return level;
  return wanted.variant == offered.variant ? 1 : 0;
}

}  // namespace lacuna
