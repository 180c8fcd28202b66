#include "erofs-tools/cli/registry_target.h"

#include <memory>
#include <utility>

#include "absl/strings/strip.h"
#include "daemon/base/status.h"

namespace lacuna {

absl::StatusOr<RegistryTarget> FindTarget(const std::string& text, const std::string& credentials,
                                          const ImageArguments& arguments, Registries& registries) {
  ASSIGN_OR_RETURN(Reference reference, ParseReference(absl::StripPrefix(text, "docker://")));
  ASSIGN_OR_RETURN(std::shared_ptr<Registry> registry,
                   registries.Get(reference.host, /*plain_http=*/!arguments.tls_verify, credentials));
  Repository repository{std::move(registry), reference.repository};
  return RegistryTarget{std::move(reference), std::move(repository)};
}

absl::StatusOr<RegistryTarget> FindPushTarget(const std::string& text, const ImageArguments& arguments,
                                              Registries& registries) {
  ASSIGN_OR_RETURN(RegistryTarget target,
                   FindTarget(text, arguments.dest_credentials, arguments, registries));
  if (target.reference.digest.empty()) return target;
  return absl::InvalidArgumentError("a push goes to a tag; leave the digest away");
}

absl::StatusOr<Platform> WantedPlatform(const ImageArguments& arguments) {
  return arguments.platform.empty() ? HostPlatform() : ParsePlatform(arguments.platform);
}

}  // namespace lacuna
