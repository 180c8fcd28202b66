// A Registry with one server, "http://HOST/v2", over a transport and a clock of the test's: what tests of all
// that has a Repository stand on.
//
// Outlives what was sent through it. Thread-safe.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "registry/credentials.h"
#include "registry/fetch_counters.h"
#include "registry/host_gates.h"
#include "registry/registry.h"
#include "registry/registry_context.h"
#include "registry/remote_blob.h"

namespace lacuna {

class FakeRegistry {
 public:
  // `credentials` are for every server that asks; empty: none are known.
  FakeRegistry(HttpTransport& transport, Clock& clock, std::string host = "reg:5000",
               Credentials credentials = {}, TransferLimits limits = {}, HostGate::Limits gate = {})
      : gates(gate, clock), context_{transport, clock, gates, counters, limits} {
    auto lookup = [credentials = std::move(credentials)](const std::string&, Authenticator::LookupDone done) {
      std::move(done)(credentials);
    };
    std::vector<RegistryEndpoint> endpoints = {{.base_url = absl::StrCat("http://", host, "/v2")}};
    registry_ =
        std::make_shared<Registry>(context_, std::move(host), std::move(endpoints), std::move(lookup));
  }

  const std::shared_ptr<Registry>& registry() const { return registry_; }
  Repository repository(std::string name) const { return {registry_, std::move(name)}; }
  RemoteBlob blob(std::string name, absl::string_view content) const {
    return {repository(std::move(name)), Digest::Of(content), content.size()};
  }

  FetchCounters counters;
  HostGates gates;

 private:
  const RegistryContext context_;
  std::shared_ptr<Registry> registry_;
};

}  // namespace lacuna
