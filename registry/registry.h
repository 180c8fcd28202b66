// A registry as a reference names it: the servers that answer for it, in order, and how each lets us in.
//
// Callers: whoever has a Repository. Thread-safe; Send does not block.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/mutex.h"
#include "registry/authenticator.h"
#include "registry/exchange.h"
#include "registry/hosts_config.h"
#include "registry/registry_context.h"

namespace lacuna {

class Registry {
 public:
  // Finds the credentials for a host as references and mirrors have it; as Authenticator::Lookup.
  using Lookup = std::function<void(const std::string& host, Authenticator::LookupDone)>;

  // `host` is as references have it; `lookup` finds the credentials for each of its servers. `context`
  // outlives this and its exchanges. `before_send` is called by each Send, and may call SetEndpoints, then or
  // later.
  Registry(const RegistryContext& context, std::string host, std::vector<RegistryEndpoint> endpoints,
           Lookup lookup, std::function<void()> before_send = nullptr);

  const std::string& host() const { return host_; }
  // By the clock that deadlines of its requests are measured with.
  TimePoint Now() const { return context_.clock.Now(); }

  // Starts a request. `handler` is told everything, exactly once, maybe from here. The result is for Promote.
  std::shared_ptr<Exchange> Send(RegistryRequest request, std::shared_ptr<ExchangeHandler> handler);

  // From the next Send on. A server that stays as it is keeps what was learnt of it.
  void SetEndpoints(std::vector<RegistryEndpoint> endpoints);

 private:
  using Servers = Exchange::Servers;

  std::shared_ptr<RegistryServer> MakeServer(RegistryEndpoint endpoint) const;
  std::shared_ptr<const Servers> servers() const;

  const RegistryContext& context_;
  const std::string host_;
  const Lookup lookup_;
  const std::function<void()> before_send_;

  mutable Mutex mutex_;
  std::shared_ptr<const Servers> servers_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace lacuna
