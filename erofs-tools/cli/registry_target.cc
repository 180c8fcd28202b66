#include "erofs-tools/cli/registry_target.h"

#include "absl/strings/strip.h"
#include "daemon/base/status.h"

namespace lacuna {

absl::StatusOr<RegistryTarget> FindTarget(const ImageArguments& arguments) {
  ASSIGN_OR_RETURN(Reference reference, ParseReference(absl::StripPrefix(arguments.object, "docker://")));
  Repository repository{
      .base_url = BaseUrl(reference, /*plain_http=*/!arguments.tls_verify),
      .name = reference.repository,
      .authorizer = arguments.credentials.empty() ? MakeAnonymous() : MakeBasic(arguments.credentials)};
  return RegistryTarget{std::move(reference), std::move(repository)};
}

absl::StatusOr<Platform> WantedPlatform(const ImageArguments& arguments) {
  return arguments.platform.empty() ? HostPlatform() : ParsePlatform(arguments.platform);
}

}  // namespace lacuna
