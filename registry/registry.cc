#include "registry/registry.h"

#include <algorithm>
#include <utility>

#include "registry/url.h"

namespace lacuna {

Registry::Registry(const RegistryContext& context, std::string host, std::vector<RegistryEndpoint> endpoints,
                   Lookup lookup, std::function<void()> before_send)
    : context_(context),
      host_(std::move(host)),
      lookup_(std::move(lookup)),
      before_send_(std::move(before_send)),
      servers_(std::make_shared<const Servers>()) {
  SetEndpoints(std::move(endpoints));
}

std::shared_ptr<Exchange> Registry::Send(RegistryRequest request, std::shared_ptr<ExchangeHandler> handler) {
  if (before_send_ != nullptr) before_send_();
  auto exchange =
      std::make_shared<Exchange>(context_, host_, *servers(), std::move(request), std::move(handler));
  exchange->Start();
  return exchange;
}

void Registry::SetEndpoints(std::vector<RegistryEndpoint> endpoints) {
  const std::shared_ptr<const Servers> before = servers();
  auto after = std::make_shared<Servers>();
  for (RegistryEndpoint& endpoint : endpoints) {
    const auto same = std::find_if(before->begin(), before->end(),
                                   [&](const auto& server) { return server->endpoint == endpoint; });
    after->push_back(same == before->end() ? MakeServer(std::move(endpoint)) : *same);
  }
  MutexLock lock(mutex_);
  servers_ = std::move(after);
}

std::shared_ptr<RegistryServer> Registry::MakeServer(RegistryEndpoint endpoint) const {
  ServerTls tls(endpoint.base_url, endpoint.tls);
  const TokenClient client{.transport = context_.transport,
                           .gates = context_.gates,
                           .clock = context_.clock,
                           .connect_timeout = context_.limits.connect_timeout,
                           .stall_timeout = context_.limits.stall_timeout};
  // A mirror is another party: it gets what is known for it, not what is known for the registry.
  const std::string known_as = endpoint.is_mirror ? std::string(UrlHost(endpoint.base_url)) : host_;
  auto authenticator = std::make_shared<Authenticator>(
      client, tls,
      [lookup = lookup_, known_as](Authenticator::LookupDone done) { lookup(known_as, std::move(done)); });
  std::shared_ptr<HostGate> gate = context_.gates.Of(endpoint.base_url);
  return std::shared_ptr<RegistryServer>(new RegistryServer{.endpoint = std::move(endpoint),
                                                            .registry = host_,
                                                            .tls = std::move(tls),
                                                            .gate = std::move(gate),
                                                            .authenticator = std::move(authenticator)});
}

std::shared_ptr<const Exchange::Servers> Registry::servers() const {
  MutexLock lock(mutex_);
  return servers_;
}

}  // namespace lacuna
