// ParseHostsToml: what it accepts can be sent to a server as it is, and no error repeats a header's value.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "registry/hosts_toml.h"

namespace lacuna {
namespace {

constexpr absl::string_view kSecret = "S3CRET";

bool HasControlCharacter(const std::string& text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void CheckUrl(const std::string& url) {
  if (!absl::StartsWith(url, "http://") && !absl::StartsWith(url, "https://")) std::abort();
  if (absl::EndsWith(url, "/") || url.find_first_of("?# \"") != url.npos || HasControlCharacter(url)) {
    std::abort();
  }
  const size_t host = url.find("://") + 3;
  if (absl::StrContains(url.substr(host, url.find('/', host) - host), "@")) std::abort();
  const absl::StatusOr<std::string> again = EndpointUrl(url, true);
  if (!again.ok() || *again != url) std::abort();
}

void Check(const HostsFile::Host& host) {
  for (const auto& [name, value] : host.endpoint.headers) {
    if (name.empty() || name.find_first_of(": \t\"") != name.npos) std::abort();
    if (HasControlCharacter(name) || HasControlCharacter(value)) std::abort();
  }
  for (const std::string& path : host.ca) {
    if (path.empty() || path.find('\0') != path.npos) std::abort();
  }
  if (host.client.has_value() && host.client->certificate.empty()) std::abort();
  if (host.endpoint.dial_timeout.has_value() && *host.endpoint.dial_timeout <= Duration::zero()) std::abort();
}

void CheckError(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status) || status.message().size() > 1000) std::abort();
  if (!absl::StartsWith(status.message(), "hosts.toml:")) std::abort();
  if (HasControlCharacter(std::string(status.message()))) std::abort();
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<lacuna::HostsFile> file = lacuna::ParseHostsToml(text, "hosts.toml");
  if (!file.ok()) {
    lacuna::CheckError(file.status());
  } else {
    for (const lacuna::HostsFile::Host& host : file->hosts) {
      lacuna::CheckUrl(host.endpoint.base_url);
      lacuna::Check(host);
    }
    if (!file->server.endpoint.base_url.empty()) lacuna::CheckUrl(file->server.endpoint.base_url);
    lacuna::Check(file->server);
  }
  if (absl::StrContains(text, lacuna::kSecret)) return 0;
  const std::string with_secret = absl::StrCat("[header]\nx-token = \"", lacuna::kSecret, text);
  const absl::Status status = lacuna::ParseHostsToml(with_secret, "hosts.toml").status();
  if (absl::StrContains(status.message(), lacuna::kSecret)) std::abort();
  return 0;
}
