#include "registry/registry_server.h"

#include "absl/strings/str_cat.h"
#include "registry/url.h"

namespace lacuna {

bool RegistryServer::Can(Capability capability) const {
  switch (capability) {
    case Capability::kPull:
      return endpoint.can_pull;
    case Capability::kResolve:
      return endpoint.can_resolve;
    case Capability::kPush:
      return endpoint.can_push;
  }
  return false;
}

std::string RegistryServer::UrlOf(absl::string_view path) const {
  std::string url = absl::StrCat(endpoint.base_url, "/", path);
  return endpoint.is_mirror ? WithQuery(url, "ns", registry) : url;
}

}  // namespace lacuna
