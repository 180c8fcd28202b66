// Where a blob's bytes come from: a repository at a registry, and how we are let in.
//
// Values; safe to use from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "daemon/base/digest.h"
#include "registry/authorizer.h"

namespace lacuna {

// A repository at one host.
struct Repository {
  std::string base_url;                    // "https://HOST[:PORT]", no trailing slash
  std::string name;                        // "library/debian"
  std::shared_ptr<Authorizer> authorizer;  // never null

  std::string ManifestUrl(absl::string_view tag_or_digest) const;
  std::string BlobUrl(const Digest& digest) const;
};

struct RemoteBlob {
  Repository repository;
  Digest digest;
  uint64_t size = 0;  // bytes, as the manifest says
};

}  // namespace lacuna
