// The registry that a reference on the command line means, and how lacuna-image is let in.
//
// Callers: the verbs, on the main thread. Reads the registry's configuration.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/platform.h"
#include "registry/reference.h"
#include "registry/registries.h"
#include "registry/remote_blob.h"

namespace lacuna {

struct RegistryTarget {
  Reference reference;
  Repository repository;
};

// Of `text`, with or without "docker://". `credentials` ("USER[:PASSWORD]", empty: none) go before those on
// disk.
absl::StatusOr<RegistryTarget> FindTarget(const std::string& text, const std::string& credentials,
                                          const ImageArguments& arguments, Registries& registries);
// The same, for what has to have a tag to be put under.
absl::StatusOr<RegistryTarget> FindPushTarget(const std::string& text, const ImageArguments& arguments,
                                              Registries& registries);

// `arguments.platform`, or this host's.
absl::StatusOr<Platform> WantedPlatform(const ImageArguments& arguments);

}  // namespace lacuna
