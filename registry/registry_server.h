// One server that answers for a registry: the registry itself or a mirror, as its configuration has it, with
// what has been learnt of it so far.
//
// Made by Registry, used by Exchange. Constant but for its thread-safe parts.
#pragma once

#include <memory>
#include <string>

#include "registry/authenticator.h"
#include "registry/host_gate.h"
#include "registry/hosts_config.h"
#include "registry/redirect_cache.h"
#include "registry/registry_request.h"
#include "registry/server_tls.h"

namespace lacuna {

struct RegistryServer {
  RegistryEndpoint endpoint;
  std::string registry;  // the host that it answers for, as in a reference
  ServerTls tls;
  std::shared_ptr<HostGate> gate;
  std::shared_ptr<Authenticator> authenticator;
  RedirectCache redirects;

  bool Can(Capability capability) const;
  // The URL of `path`, below the API's root. A mirror is told whose content is meant.
  std::string UrlOf(absl::string_view path) const;
};

}  // namespace lacuna
