// The little that is needed of URLs: whose they are, where a Location leads, and what of one may be shown.
// Source: RFC 3986 section 5 for relative references; RFC 6454 section 4 for origins.
//
// Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

// "HOST[:PORT]" of a URL.
absl::string_view UrlHost(absl::string_view url);
// "HOST[:PORT]/PATH" of a URL: fit for messages, because user name, query and fragment (where signatures are)
// are left out, and all that stands before any "@", where a password may have a slash in it.
std::string UrlForMessages(absl::string_view url);
// "https://HOST[:PORT]", in lower case, as it stands in the URL.
std::string UrlOrigin(absl::string_view url);
// Whether two URLs have the same scheme, host and port: credentials for one may be sent to the other.
bool SameOrigin(absl::string_view a, absl::string_view b);

// `location` as seen from `url`, the absolute URL that was asked, without fragment. InvalidArgument when it
// is empty, neither http nor https, has no proper host (a user name in it, for one), or leads from https to
// http: nothing that TLS protected is sent in the clear.
absl::StatusOr<std::string> ResolveLocation(absl::string_view url, absl::string_view location);

// Whether `text` is HOST, HOST:PORT, [IPv6] or [IPv6]:PORT, by its characters.
bool IsAuthority(absl::string_view text);

// `url` with "NAME=VALUE" added to its query, VALUE percent-encoded where RFC 3986 asks for it.
std::string WithQuery(absl::string_view url, absl::string_view name, absl::string_view value);

// `text` percent-encoded, all but RFC 3986's unreserved characters.
std::string PercentEncode(absl::string_view text);

}  // namespace lacuna
