// Where a registry wants an upload to go on: the Location header of its answers.
// Source: OCI distribution-spec 1.1, "Pushing blobs": a location may be absolute or relative, and may hold a
// query that must be kept. RFC 3986 section 5 resolves relative ones.
//
// Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/digest.h"

namespace lacuna {

// `location` as seen from `url`, the absolute URL that was asked. InvalidArgument when it is empty, is
// neither http nor https, or leads from https to http: nothing that TLS protected is sent in the clear.
absl::StatusOr<std::string> ResolveLocation(absl::string_view url, absl::string_view location);

// Whether two URLs have the same scheme, host and port: credentials for one may be sent to the other.
bool SameOrigin(absl::string_view a, absl::string_view b);

// `url` with `digest=…` added to its query.
std::string WithDigest(absl::string_view url, const Digest& digest);

}  // namespace lacuna
