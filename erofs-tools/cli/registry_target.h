// The registry that a reference on the command line means, and how lacuna-image is let in.
//
// Pure; safe from any thread.
#pragma once

#include "absl/status/statusor.h"
#include "erofs-tools/cli/arguments.h"
#include "registry/platform.h"
#include "registry/reference.h"
#include "registry/remote_blob.h"

namespace lacuna {

struct RegistryTarget {
  Reference reference;
  Repository repository;
};

// Of `arguments.object`, with or without "docker://".
absl::StatusOr<RegistryTarget> FindTarget(const ImageArguments& arguments);

// `arguments.platform`, or this host's.
absl::StatusOr<Platform> WantedPlatform(const ImageArguments& arguments);

}  // namespace lacuna
