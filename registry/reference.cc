#include "registry/reference.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr absl::string_view kDockerHub = "docker.io";
constexpr absl::string_view kDockerHubServer = "registry-1.docker.io";
constexpr size_t kMaxHost = 253;        // RFC 1035 section 3.1, less the dots at the ends
constexpr size_t kMaxRepository = 255;  // RepositoryNameTotalLengthMax
constexpr size_t kMaxTag = 128;
constexpr size_t kMaxText = kMaxHost + kMaxRepository + kMaxTag + 128;  // with port, digest and separators
constexpr size_t kDigestHexLength = 64;

bool IsLowerAlnum(char c) {
  return absl::ascii_islower(c) || absl::ascii_isdigit(c);
}
bool IsWord(char c) {
  return absl::ascii_isalnum(c) || c == '_';
}

// domain-component := [a-zA-Z0-9] | [a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]
bool IsDomainComponent(absl::string_view text) {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isalnum(c) || c == '-'; });
}

// separator := "_" | "." | "__" | "-"*
bool IsSeparator(absl::string_view text) {
  return text == "_" || text == "." || text == "__" ||
         (!text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c == '-'; }));
}

// path-component := [a-z0-9]+ (separator [a-z0-9]+)*
bool IsPathComponent(absl::string_view text) {
  if (text.empty() || !IsLowerAlnum(text.front()) || !IsLowerAlnum(text.back())) return false;
  for (size_t at = 0; at < text.size();) {
    const auto begin = std::find_if_not(text.begin() + at, text.end(), IsLowerAlnum);
    const auto end = std::find_if(begin, text.end(), IsLowerAlnum);
    if (begin == text.end()) return true;
    if (!IsSeparator(text.substr(begin - text.begin(), end - begin))) return false;
    at = end - text.begin();
  }
  return true;
}

bool IsIpv6(absl::string_view text) {
  in6_addr address;
  return inet_pton(AF_INET6, std::string(text).c_str(), &address) == 1;
}

// Host and port of "HOST", "HOST:PORT", "[ADDRESS]", "[ADDRESS]:PORT"; the host keeps its brackets.
std::pair<absl::string_view, absl::string_view> SplitPort(absl::string_view host_and_port) {
  const size_t colon = host_and_port.rfind(':');
  const size_t bracket = host_and_port.rfind(']');
  if (colon == absl::string_view::npos || (bracket != absl::string_view::npos && colon < bracket)) {
    return {host_and_port, ""};
  }
  return {host_and_port.substr(0, colon), host_and_port.substr(colon)};
}

// The address between brackets; empty when there are none.
absl::string_view Bracketed(absl::string_view host) {
  return absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]") ? host : "";
}

absl::Status CheckHost(absl::string_view host_and_port) {
  auto [host, port] = SplitPort(host_and_port);
  uint32_t number = 0;
  if (absl::ConsumePrefix(&port, ":") &&
      (!std::all_of(port.begin(), port.end(), absl::ascii_isdigit) || !absl::SimpleAtoi(port, &number) ||
       number == 0 || number > UINT16_MAX)) {
    return absl::InvalidArgumentError(absl::StrCat("'", port, "' is not a port (1 to 65535)"));
  }
  if (host.size() > kMaxHost) return absl::InvalidArgumentError("the host is longer than 253 characters");
  if (absl::StartsWith(host, "[")) {
    if (IsIpv6(Bracketed(host))) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat("'", host, "' is not an IPv6 address in brackets"));
  }
  const std::vector<absl::string_view> components = absl::StrSplit(host, '.');
  if (std::all_of(components.begin(), components.end(), IsDomainComponent)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("'", host, "' is not a host name or address"));
}

// What docker takes for an image id, and so nobody may name a repository.
bool IsBareDigest(absl::string_view name) {
  return name.size() == kDigestHexLength && std::all_of(name.begin(), name.end(), absl::ascii_isxdigit);
}

absl::Status CheckRepository(absl::string_view repository) {
  if (repository.empty()) return absl::InvalidArgumentError("the repository is missing");
  if (repository.size() > kMaxRepository) {
    return absl::InvalidArgumentError("the repository is longer than 255 characters");
  }
  for (absl::string_view component : absl::StrSplit(repository, '/')) {
    if (IsPathComponent(component)) continue;
    return absl::InvalidArgumentError(absl::StrCat("'", component, "' in the repository is not lower-case ",
                                                   "letters and digits, joined by '.', '_', '__' or '-'"));
  }
  return absl::OkStatus();
}

// tag := [\w][\w.-]{0,127}
absl::Status CheckTag(absl::string_view tag) {
  const auto allowed = [](char c) { return IsWord(c) || c == '.' || c == '-'; };
  if (!tag.empty() && tag.size() <= kMaxTag && IsWord(tag.front()) &&
      std::all_of(tag.begin(), tag.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", tag, "' is not a tag (1 to 128 letters, digits, '_', '.', '-')"));
}

// Takes "@DIGEST" and then ":TAG" off the end of `text`.
absl::Status TakeSuffixes(absl::string_view* text, Reference* reference) {
  if (const size_t at = text->find('@'); at != absl::string_view::npos) {
    ASSIGN_OR_RETURN(reference->digest, Digest::Parse(text->substr(at + 1)));
    *text = text->substr(0, at);
  }
  const size_t colon = text->rfind(':');
  const size_t slash = text->rfind('/');
  if (colon != absl::string_view::npos && (slash == absl::string_view::npos || colon > slash)) {
    reference->tag = std::string(text->substr(colon + 1));
    *text = text->substr(0, colon);
    RETURN_IF_ERROR(CheckTag(reference->tag));
  } else if (reference->digest.empty()) {
    reference->tag = "latest";
  }
  return absl::OkStatus();
}

// normalize.go, splitDockerDomain: the first component is a host when it cannot be a path component of
// docker.io's.
bool LooksLikeHost(absl::string_view component) {
  return absl::StrContains(component, '.') || absl::StrContains(component, ':') || component == "localhost" ||
         std::any_of(component.begin(), component.end(), absl::ascii_isupper);
}

void SplitHost(absl::string_view name, Reference* reference) {
  const size_t slash = name.find('/');
  const bool has_host = slash != absl::string_view::npos && LooksLikeHost(name.substr(0, slash));
  reference->host = std::string(has_host ? name.substr(0, slash) : kDockerHub);
  reference->repository = std::string(has_host ? name.substr(slash + 1) : name);
  if (reference->host == "index.docker.io" || reference->host == kDockerHubServer) {
    reference->host = std::string(kDockerHub);
  }
  if (reference->host == kDockerHub && !reference->repository.empty() &&
      !absl::StrContains(reference->repository, '/')) {
    reference->repository.insert(0, "library/");
  }
}

absl::StatusOr<Reference> Parse(absl::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("it is empty");
  if (text.size() > kMaxText) return absl::InvalidArgumentError("it is too long");
  if (absl::StrContains(text, "://")) {
    return absl::InvalidArgumentError("a reference has no scheme; write HOST/REPOSITORY[:TAG]");
  }
  if (std::any_of(text.begin(), text.end(), [](char c) { return !absl::ascii_isgraph(c); })) {
    return absl::InvalidArgumentError("only printable ASCII without spaces is allowed");
  }
  Reference reference;
  RETURN_IF_ERROR(TakeSuffixes(&text, &reference));
  if (IsBareDigest(text)) {
    return absl::InvalidArgumentError(
        "64 hex digits are a digest, not a repository; write NAME@sha256:DIGITS");
  }
  SplitHost(text, &reference);
  RETURN_IF_ERROR(CheckHost(reference.host));
  RETURN_IF_ERROR(CheckRepository(reference.repository));
  return reference;
}

}  // namespace

std::string ToString(const Reference& reference) {
  return absl::StrCat(reference.host, "/", reference.repository, reference.tag.empty() ? "" : ":",
                      reference.tag, reference.digest.empty() ? "" : "@", reference.digest.ToString());
}

absl::StatusOr<Reference> ParseReference(absl::string_view text) {
  absl::StatusOr<Reference> reference = Parse(text);
  if (reference.ok()) return reference;
  return Annotate(reference.status(),
                  absl::StrCat("image reference '", absl::CHexEscape(text.substr(0, 200)), "'"));
}

bool IsLoopbackHost(absl::string_view host_and_port) {
  const std::string host(SplitPort(host_and_port).first);
  if (absl::EqualsIgnoreCase(host, "localhost")) return true;
  in_addr v4;
  if (inet_pton(AF_INET, host.c_str(), &v4) == 1) return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
  in6_addr v6;
  return inet_pton(AF_INET6, std::string(Bracketed(host)).c_str(), &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

std::string BaseUrl(const Reference& reference, bool plain_http) {
  const absl::string_view scheme = plain_http || IsLoopbackHost(reference.host) ? "http://" : "https://";
  return absl::StrCat(scheme, reference.host == kDockerHub ? kDockerHubServer : reference.host);
}

}  // namespace lacuna
