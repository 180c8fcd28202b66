#include "registry/remote_blob.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {

std::string Repository::ManifestPath(absl::string_view tag_or_digest) const {
  return absl::StrCat(name, "/manifests/", tag_or_digest);
}

std::string Repository::BlobPath(const Digest& digest) const {
  return absl::StrCat(name, "/blobs/", digest.ToString());
}

std::string Repository::Describe(absl::string_view what, absl::string_view tag_or_digest) const {
  return absl::StrCat(registry->host(), ": ", what, " ", name,
                      absl::StrContains(tag_or_digest, ':') ? "@" : ":", tag_or_digest);
}

std::string Repository::Scope(absl::string_view actions) const {
  return absl::StrCat("repository:", name, ":", actions);
}

}  // namespace lacuna
