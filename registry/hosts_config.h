// The servers that answer for a registry host, from folders laid out as containerd's /etc/containerd/certs.d:
// DIR/HOST/hosts.toml, or certificates alone as docker has them.
// Source: containerd's docs/hosts.md.
//
// Callers: what sends requests for a reference; it keeps the result and loads again once Changed says so.
// Reads files; safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/file_stamp.h"
#include "registry/registry_endpoint.h"

namespace lacuna {

struct HostsConfig {
  std::vector<RegistryEndpoint> endpoints;  // in the order to try; never empty, the last is the server
  // Every path that was looked at, also those that are not there: a new file is noticed as an edit is.
  std::vector<FileStamp> sources;
};

// For `host` ("HOST[:PORT]" of a reference) the first of `certs_dirs` counts that has a folder of the host's
// own: HOST_PORT_ or HOST:PORT. If none has, the first counts that has a folder "_default". Without any
// folder the registry itself is the only endpoint. Where nothing is said of a server's URL it is that of
// BaseUrl (reference.h); `plain_http` is as there. A folder without hosts.toml, or with an empty one, may
// hold *.crt (CA certificates) and NAME.cert with NAME.key (what we show of ourselves; the first NAME is
// used).
//
// InvalidArgument for what hosts.toml or a certificate has wrong, else what the file system said; the message
// names the file and never repeats a secret.
absl::StatusOr<HostsConfig> LoadHostsConfig(const std::vector<std::string>& certs_dirs,
                                            absl::string_view host, bool plain_http);

// Whether a file that `config` was made of came, went or changed.
bool Changed(const HostsConfig& config);

}  // namespace lacuna
