#include "registry/hosts_config.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "daemon/base/read_file.h"
#include "daemon/base/status.h"
#include "registry/hosts_toml.h"
#include "registry/reference.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr absl::string_view kDefaultFolder = "_default";

// The folders that may be a host's own, in containerd's order: "HOST_PORT_" for those to whom a ':' in a name
// is trouble, then the host as it is written.
std::vector<std::string> FolderNames(absl::string_view host) {
  const size_t colon = host.rfind(':');
  if (colon == absl::string_view::npos) return {std::string(host)};
  return {absl::StrCat(host.substr(0, colon), "_", host.substr(colon + 1), "_"), std::string(host)};
}

// Whether there is such a folder; an error when that cannot be told, or when it is a file.
absl::StatusOr<bool> IsFolder(const std::string& path) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) return false;
  if (error) return ErrnoStatus(error.value(), path);
  if (status.type() == std::filesystem::file_type::directory) return true;
  return absl::InvalidArgumentError(absl::StrCat(path, " is not a folder"));
}

// Loads the configuration of one host and notes what it looks at.
class Loader {
 public:
  Loader(absl::string_view host, bool plain_http)
      : host_(host), own_url_(absl::StrCat(BaseUrl({.host = host_}, plain_http), "/v2")) {}

  absl::StatusOr<HostsConfig> Load(const std::vector<std::string>& certs_dirs) && {
    ASSIGN_OR_RETURN(const std::string folder, FindFolder(certs_dirs));
    HostsFile file;
    if (!folder.empty()) {
      ASSIGN_OR_RETURN(file, ReadFolder(folder));
    }
    for (HostsFile::Host& host : file.hosts) RETURN_IF_ERROR(AddEndpoint(folder, std::move(host)));
    RETURN_IF_ERROR(AddEndpoint(folder, std::move(file.server)));
    return std::move(config_);
  }

 private:
  // Each stamp is taken before the look: what changes in between is noticed at the next check.
  void Note(const std::string& path) { config_.sources.push_back(StampOf(path)); }

  // Empty when there is none.
  absl::StatusOr<std::string> FindFolder(const std::vector<std::string>& certs_dirs) {
    std::vector<std::string> candidates;
    for (const std::string& dir : certs_dirs) {
      for (const std::string& name : FolderNames(host_)) candidates.push_back(absl::StrCat(dir, "/", name));
    }
    for (const std::string& dir : certs_dirs) candidates.push_back(absl::StrCat(dir, "/", kDefaultFolder));
    for (std::string& path : candidates) {
      Note(path);
      ASSIGN_OR_RETURN(const bool found, IsFolder(path));
      if (found) return std::move(path);
    }
    return std::string();
  }

  absl::StatusOr<HostsFile> ReadFolder(const std::string& folder) {
    const std::string path = absl::StrCat(folder, "/hosts.toml");
    const absl::StatusOr<std::string> text = Read(path);
    if (absl::IsNotFound(text.status()) || (text.ok() && text->empty())) return FindCertificates(folder);
    RETURN_IF_ERROR(text.status());
    return ParseHostsToml(*text, path);
  }

  // docker's layout says the same as a hosts.toml with nothing but `ca` and `client`.
  absl::StatusOr<HostsFile> FindCertificates(const std::string& folder) {
    std::set<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
      if (!entry->is_directory(error)) names.insert(entry->path().filename());
    }
    if (error) return ErrnoStatus(error.value(), folder);
    HostsFile file;
    for (const std::string& name : names) {
      absl::string_view stem = name;
      if (absl::EndsWith(name, ".crt")) file.server.ca.push_back(name);
      if (!absl::ConsumeSuffix(&stem, ".cert") || file.server.client.has_value()) continue;
      const std::string key = absl::StrCat(stem, ".key");
      file.server.client = {.certificate = name, .key = names.count(key) == 0 ? "" : key};
    }
    return file;
  }

  absl::Status AddEndpoint(const std::string& folder, HostsFile::Host host) {
    RegistryEndpoint& endpoint = host.endpoint;
    if (endpoint.base_url.empty()) endpoint.base_url = own_url_;
    endpoint.is_mirror = !absl::EqualsIgnoreCase(UrlHost(endpoint.base_url), UrlHost(own_url_));
    for (const std::string& path : host.ca) {
      ASSIGN_OR_RETURN(const std::string pem, ReadPem(folder, path, "CERTIFICATE"));
      absl::StrAppend(&endpoint.tls.ca_pem, pem, "\n");
    }
    if (host.client.has_value()) {
      const auto& [certificate, key] = *host.client;
      ASSIGN_OR_RETURN(endpoint.tls.client_certificate_pem, ReadPem(folder, certificate, "CERTIFICATE"));
      ASSIGN_OR_RETURN(endpoint.tls.client_key_pem,
                       ReadPem(folder, key.empty() ? certificate : key, "PRIVATE KEY"));
    }
    config_.endpoints.push_back(std::move(endpoint));
    return absl::OkStatus();
  }

  // The text of a PEM file, which must have a block whose label (RFC 7468 section 2) ends in `label`.
  absl::StatusOr<std::string> ReadPem(const std::string& folder, const std::string& path,
                                      absl::string_view label) {
    const std::string full_path = std::filesystem::path(folder) / path;  // an absolute path stays as it is
    ASSIGN_OR_RETURN(std::string text, Read(full_path));
    if (absl::StrContains(text, absl::StrCat(label, "-----"))) return text;
    return absl::InvalidArgumentError(absl::StrCat(full_path, " holds no ", label, " in PEM form"));
  }

  absl::StatusOr<std::string> Read(const std::string& path) {
    Note(path);
    return ReadSmallFile(path);
  }

  const std::string host_;
  const std::string own_url_;
  HostsConfig config_;
};

}  // namespace

absl::StatusOr<HostsConfig> LoadHostsConfig(const std::vector<std::string>& certs_dirs,
                                            absl::string_view host, bool plain_http) {
  if (host.empty() || host.front() == '.' || host.find_first_of(absl::string_view("/\0", 2)) != host.npos) {
    return absl::InvalidArgumentError("a registry's host is HOST[:PORT]");
  }
  return Loader(host, plain_http).Load(certs_dirs);
}

bool Changed(const HostsConfig& config) {
  return std::any_of(config.sources.begin(), config.sources.end(),
                     [](const FileStamp& stamp) { return Changed(stamp); });
}

}  // namespace lacuna
