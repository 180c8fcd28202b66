// What an HTTP answer that is no success means, in words fit for a message.
//
// Pure; safe from any thread.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "registry/http_transport.h"

namespace lacuna {

// "HOST[:PORT]" of a URL.
absl::string_view UrlHost(absl::string_view url);
// "HOST[:PORT]/PATH" of a URL: fit for messages, because user name, query and fragment (where signatures are)
// are left out.
std::string UrlForMessages(absl::string_view url);

// The failure that `head`, the answer to a request for `url`, stands for: 401 and 403 are Unauthenticated,
// 404 NotFound, 408, 429 and 5xx Unavailable (worth another try), 416 OutOfRange, the rest Unknown. Names the
// host that answered when a redirect led away from `url`'s.
absl::Status HttpError(const HttpResponseHead& head, absl::string_view url);

}  // namespace lacuna
