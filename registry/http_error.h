// What an HTTP answer that is no success means, in words fit for a message.
//
// Pure; safe from any thread.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace lacuna {

// The failure that an answer with `code` stands for: 401 and 403 are Unauthenticated, 404 and 410 NotFound,
// 408, 429 and 5xx Unavailable (worth another try), 416 OutOfRange, the rest Unknown. `answered_by` is named
// where it is not `asked`, the host that the message's context names: a mirror, or where a redirect led.
absl::Status HttpError(int code, absl::string_view answered_by, absl::string_view asked);

// `error`, with what the server said about it in the body of its answer: distribution-spec's errors, or any
// text. IntegrityError when it got bytes of another digest than announced (DIGEST_INVALID, "Error Codes").
absl::Status WithExplanation(const absl::Status& error, absl::string_view body);

}  // namespace lacuna
