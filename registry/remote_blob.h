// Where a blob's bytes come from: a repository at a registry.
//
// Values; safe to use from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "daemon/base/digest.h"
#include "registry/registry.h"

namespace lacuna {

struct Repository {
  std::shared_ptr<Registry> registry;  // never null
  std::string name;                    // "library/debian"

  // Below the API's root, as RegistryRequest has them.
  std::string ManifestPath(absl::string_view tag_or_digest) const;
  std::string BlobPath(const Digest& digest) const;
  // "HOST: WHAT NAME:TAG" or "HOST: WHAT NAME@DIGEST": how errors about something in it begin.
  std::string Describe(absl::string_view what, absl::string_view tag_or_digest) const;
  // What a token must allow; `actions` is "pull" or "pull,push".
  std::string Scope(absl::string_view actions) const;
};

struct RemoteBlob {
  Repository repository;
  Digest digest;
  uint64_t size = 0;  // bytes, as the manifest says
};

}  // namespace lacuna
