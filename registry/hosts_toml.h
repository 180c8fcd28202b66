// What a hosts.toml says: which servers answer for a registry host, and how they are spoken to.
// Source: containerd's docs/hosts.md.
//
// Callers: hosts_config.h, which reads the files that are named here. Pure; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "registry/registry_endpoint.h"

namespace lacuna {

struct HostsFile {
  // Paths are as they were written: absolute, or relative to the folder of the file.
  struct ClientFiles {
    std::string certificate;
    std::string key;  // empty: it is in the certificate's file
    friend bool operator==(const ClientFiles&, const ClientFiles&) = default;
  };
  struct Host {
    RegistryEndpoint
        endpoint;  // certificates and is_mirror not filled in; base_url empty: the registry itself
    std::vector<std::string> ca;
    std::optional<ClientFiles> client;  // the first, when the file has several
    friend bool operator==(const Host&, const Host&) = default;
  };

  std::vector<Host> hosts;  // in the order of the file, which is the order they are tried in
  Host server;              // tried after them
};

// InvalidArgument "NAME:LINE: what is wrong", also for a key that containerd does not know. No message holds
// a header's value or a URL.
absl::StatusOr<HostsFile> ParseHostsToml(absl::string_view text, absl::string_view name);

}  // namespace lacuna
