// What containerd has of images that it pulls: manifests and configs, in its content store.
//
// Caller: ImageLayers, on threads that may wait. Implementations (GrpcContent | a fake in tests) are
// thread-safe. Errors: Unavailable when containerd does not answer.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "daemon/base/digest.h"

namespace lacuna {

class ContainerdContent {
 public:
  struct Blob {
    Digest digest;
    std::map<std::string, std::string> labels;
  };

  virtual ~ContainerdContent() = default;

  // The manifests of images, in a namespace of containerd's: those that have a config.
  virtual absl::StatusOr<std::vector<Blob>> Manifests(const std::string& containerd_namespace) = 0;
  // All of a blob; InvalidArgument when it has more than `max_bytes`.
  virtual absl::StatusOr<std::string> Read(const std::string& containerd_namespace, const Digest& blob,
                                           uint64_t max_bytes) = 0;
};

}  // namespace lacuna
