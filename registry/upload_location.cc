#include "registry/upload_location.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "registry/http_error.h"

namespace lacuna {
namespace {

// "https:" of an absolute URL; empty when `url` has no scheme.
absl::string_view Scheme(absl::string_view url) {
  const size_t end = url.find_first_of(":/?#");
  return end == absl::string_view::npos || url[end] != ':' ? "" : url.substr(0, end + 1);
}

// "https://HOST[:PORT]" of an absolute URL.
absl::string_view Origin(absl::string_view url) {
  const size_t authority = url.find("://");
  if (authority == absl::string_view::npos) return url;
  return url.substr(0, url.find_first_of("/?#", authority + 3));
}

// RFC 3986 section 5.2.2, without folding of ".." segments: the registry resolves its own paths.
std::string Resolve(absl::string_view url, absl::string_view location) {
  if (!Scheme(location).empty()) return std::string(location);
  if (absl::StartsWith(location, "//")) return absl::StrCat(Scheme(url), location);
  if (absl::StartsWith(location, "/")) return absl::StrCat(Origin(url), location);
  const absl::string_view path = url.substr(0, url.find_first_of("?#"));
  if (absl::StartsWith(location, "?")) return absl::StrCat(path, location);
  return absl::StrCat(path.substr(0, std::max(path.rfind('/') + 1, Origin(url).size())), location);
}

}  // namespace

absl::StatusOr<std::string> ResolveLocation(absl::string_view url, absl::string_view location) {
  if (location.empty())
    return absl::InvalidArgumentError("the registry's answer has no Location to upload to");
  const std::string resolved = Resolve(url, location);
  const bool https = absl::StartsWithIgnoreCase(resolved, "https://");
  if (!https && !absl::StartsWithIgnoreCase(resolved, "http://")) {
    return absl::InvalidArgumentError("the registry's Location to upload to is neither http nor https");
  }
  if (!https && absl::StartsWithIgnoreCase(url, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the registry sends the upload on to http://", UrlHost(resolved),
                     ", without TLS; if it stands behind a proxy, the proxy must set X-Forwarded-Proto"));
  }
  return resolved.substr(0, resolved.find('#'));
}

bool SameOrigin(absl::string_view a, absl::string_view b) {
  return absl::EqualsIgnoreCase(Origin(a), Origin(b));
}

std::string WithDigest(absl::string_view url, const Digest& digest) {
  return absl::StrCat(url, absl::StrContains(url, '?') ? "&" : "?", "digest=", digest.ToString());
}

}  // namespace lacuna
