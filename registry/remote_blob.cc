#include "registry/remote_blob.h"

#include "absl/strings/str_cat.h"

namespace lacuna {

std::string Repository::ManifestUrl(absl::string_view tag_or_digest) const {
  return absl::StrCat(base_url, "/v2/", name, "/manifests/", tag_or_digest);
}

std::string Repository::BlobUrl(const Digest& digest) const {
  return absl::StrCat(base_url, "/v2/", name, "/blobs/", digest.ToString());
}

}  // namespace lacuna
