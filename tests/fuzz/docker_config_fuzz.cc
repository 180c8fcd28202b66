// ParseDockerConfig: never throws or crashes; what it accepts can be looked up and is fit to be used, and an
// error is short: it shows no more than a field and a host.
#include <cstdint>
#include <cstdlib>

#include "absl/strings/match.h"
#include "registry/docker_config.h"
#include "registry/helper_protocol.h"

namespace lacuna {
namespace {

void CheckHost(const std::string& host) {
  if (host.empty() || absl::StrContains(host, "/") || absl::StrContains(host, "@")) std::abort();
  if (CanonicalHost(host) != host) std::abort();
}

void Check(const DockerConfig& config) {
  if (!config.creds_store.empty() && !IsHelperName(config.creds_store)) std::abort();
  for (const auto& [host, credentials] : config.auths) {
    CheckHost(host);
    if (credentials.empty() || PlaceFor(config, host).stored != credentials) std::abort();
    const std::string& token = credentials.registry_token;
    if (!token.empty() && !IsBearerToken(token)) std::abort();
  }
  for (const auto& [host, helper] : config.cred_helpers) {
    CheckHost(host);
    if (!helper.empty() && !IsHelperName(helper)) std::abort();
    if (PlaceFor(config, host).helper != helper) std::abort();
  }
}

}  // namespace
}  // namespace lacuna

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = lacuna::ParseDockerConfig({reinterpret_cast<const char*>(data), size});
  if (parsed.ok()) lacuna::Check(*parsed);
  if (!parsed.ok() && parsed.status().message().size() > 600) std::abort();
  return 0;
}
