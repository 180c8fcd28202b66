#include "registry/registry_endpoint.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "registry/reference.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr absl::string_view kApiPath = "/v2";

// "https://" or "http://" off the front of `url`; empty when it has no scheme, nothing for another scheme.
std::optional<absl::string_view> ConsumeScheme(absl::string_view* url) {
  for (const absl::string_view scheme : {"https://", "http://"}) {
    if (!absl::StartsWithIgnoreCase(*url, scheme)) continue;
    url->remove_prefix(scheme.size());
    return scheme;
  }
  if (absl::StrContains(*url, "://")) return std::nullopt;
  return "";
}

bool MayBeInUrl(char c) {
  return absl::ascii_isgraph(c) && !absl::StrContains("\"<>\\^`{|}", c);
}

}  // namespace

absl::StatusOr<std::string> EndpointUrl(absl::string_view url, bool override_path) {
  const std::optional<absl::string_view> scheme = ConsumeScheme(&url);
  if (!scheme.has_value()) return absl::InvalidArgumentError("the URL is neither http nor https");
  const absl::string_view host = url.substr(0, url.find_first_of("/?#"));
  if (absl::StrContains(url, '@')) {  // also behind a slash, which a password may hold
    return absl::InvalidArgumentError("the URL holds a user name; credentials have a place of their own");
  }
  if (url.find_first_of("?#") != absl::string_view::npos) {
    return absl::InvalidArgumentError("the URL holds a query or a fragment");
  }
  if (!IsAuthority(host)) {
    return absl::InvalidArgumentError("the URL names no host; write https://HOST[:PORT][/PATH]");
  }
  if (!std::all_of(url.begin(), url.end(), MayBeInUrl)) {
    return absl::InvalidArgumentError("the URL holds characters that a URL may not have");
  }
  const std::string usual = BaseUrl({.host = std::string(host)}, false);
  const std::vector<absl::string_view> segments =
      absl::StrSplit(url.substr(host.size()), '/', absl::SkipEmpty());
  std::string path;
  for (const absl::string_view segment : segments) absl::StrAppend(&path, "/", segment);
  if (!override_path && !absl::EndsWith(path, kApiPath)) absl::StrAppend(&path, kApiPath);
  return scheme->empty() ? absl::StrCat(usual, path) : absl::StrCat(*scheme, UrlHost(usual), path);
}

}  // namespace lacuna
