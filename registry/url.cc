#include "registry/url.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

// "https:" of an absolute URL; empty when `url` has no scheme.
absl::string_view Scheme(absl::string_view url) {
  const size_t end = url.find_first_of(":/?#");
  return end == absl::string_view::npos || url[end] != ':' ? "" : url.substr(0, end + 1);
}

// "https://HOST[:PORT]" of an absolute URL, with a user name if it has one.
absl::string_view Origin(absl::string_view url) {
  const size_t authority = url.find("://");
  if (authority == absl::string_view::npos) return url;
  return url.substr(0, url.find_first_of("/?#", authority + 3));
}

// A URL without scheme, user name, query and fragment.
absl::string_view HostAndPath(absl::string_view url) {
  if (const size_t at = url.find("://"); at != absl::string_view::npos) url.remove_prefix(at + 3);
  url = url.substr(0, url.find_first_of("?#"));
  const size_t at = url.substr(0, url.find('/')).rfind('@');
  return at == absl::string_view::npos ? url : url.substr(at + 1);
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

absl::string_view UrlHost(absl::string_view url) {
  const absl::string_view rest = HostAndPath(url);
  return rest.substr(0, rest.find('/'));
}

std::string UrlForMessages(absl::string_view url) {
  absl::string_view shown = HostAndPath(url);
  // A digest's "@" stands behind a path; what may be a password does not.
  const size_t at = shown.rfind('@');
  const bool in_name = at != absl::string_view::npos && absl::StartsWith(shown.substr(at + 1), "sha256:");
  if (at != absl::string_view::npos && !in_name) shown.remove_prefix(at + 1);
  return std::string(shown);
}

bool IsAuthority(absl::string_view text) {
  const size_t bracket = absl::StartsWith(text, "[") ? text.find(']') : 0;
  if (bracket == absl::string_view::npos) return false;
  const size_t colon = text.find(':', bracket);
  const absl::string_view host = text.substr(0, colon);
  const absl::string_view port = colon == absl::string_view::npos ? "" : text.substr(colon + 1);
  const auto in_host = [](char c) { return absl::ascii_isalnum(c) || absl::StrContains(".-_[]:", c); };
  return !host.empty() && std::all_of(host.begin(), host.end(), in_host) &&
         (colon == absl::string_view::npos || !port.empty()) &&
         std::all_of(port.begin(), port.end(), absl::ascii_isdigit);
}

std::string UrlOrigin(absl::string_view url) {
  return absl::AsciiStrToLower(Origin(url));
}

bool SameOrigin(absl::string_view a, absl::string_view b) {
  return absl::EqualsIgnoreCase(Origin(a), Origin(b));
}

absl::StatusOr<std::string> ResolveLocation(absl::string_view url, absl::string_view location) {
  if (location.empty()) return absl::InvalidArgumentError("the answer has no Location to go on at");
  const std::string resolved = Resolve(url, location);
  const bool https = absl::StartsWithIgnoreCase(resolved, "https://");
  if (!https && !absl::StartsWithIgnoreCase(resolved, "http://")) {
    return absl::InvalidArgumentError("the answer leads to a Location that is neither http nor https");
  }
  if (!IsAuthority(Origin(resolved).substr(Origin(resolved).find("://") + 3))) {
    return absl::InvalidArgumentError("the answer leads to a Location without host, or with a user name");
  }
  if (!https && absl::StartsWithIgnoreCase(url, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("the answer leads on to http://", UrlHost(resolved),
                     ", without TLS; if it stands behind a proxy, the proxy must set X-Forwarded-Proto"));
  }
  return resolved.substr(0, resolved.find('#'));
}

std::string PercentEncode(absl::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const unsigned char c : text) {
    if (absl::ascii_isalnum(c) || absl::StrContains("-._~", static_cast<char>(c))) {
      encoded += static_cast<char>(c);
    } else {
      encoded += {'%', kHex[c >> 4], kHex[c & 15]};
    }
  }
  return encoded;
}

std::string WithQuery(absl::string_view url, absl::string_view name, absl::string_view value) {
  return absl::StrCat(url, absl::StrContains(url, '?') ? "&" : "?", name, "=", PercentEncode(value));
}

}  // namespace lacuna
