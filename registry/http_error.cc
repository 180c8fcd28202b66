#include "registry/http_error.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"

namespace lacuna {
namespace {

constexpr size_t kMaxQuoted = 300;

struct Meaning {
  absl::StatusCode code;
  absl::string_view text;
};

Meaning MeaningOf(int status) {
  switch (status) {
    case 401:
      return {absl::StatusCode::kUnauthenticated, "credentials are missing or wrong"};
    case 403:
      return {absl::StatusCode::kUnauthenticated, "access denied"};
    case 404:
    case 410:
      return {absl::StatusCode::kNotFound, "not found"};
    case 408:
      return {absl::StatusCode::kUnavailable, "request timed out"};
    case 416:
      return {absl::StatusCode::kOutOfRange, "it has no such range"};
    case 429:
      return {absl::StatusCode::kUnavailable, "too many requests"};
    default:
      if (status >= 500) return {absl::StatusCode::kUnavailable, "the server failed"};
      return {absl::StatusCode::kUnknown, "unexpected answer"};
  }
}

}  // namespace

absl::Status HttpError(int code, absl::string_view answered_by, absl::string_view asked) {
  const Meaning meaning = MeaningOf(code);
  const bool elsewhere = answered_by != asked;
  return {meaning.code, absl::StrCat("HTTP ", code, elsewhere ? " from " : "", elsewhere ? answered_by : "",
                                     ": ", meaning.text)};
}

absl::Status WithExplanation(const absl::Status& error, absl::string_view body) {
  if (absl::StrContains(body, "DIGEST_INVALID")) {
    return IntegrityError(
        "the registry got other bytes than were announced: the file changed during the push");
  }
  if (body.empty()) return error;
  return {error.code(), absl::StrCat(error.message(),
                                     ", the registry says: ", EscapeForTerminal(body.substr(0, kMaxQuoted)))};
}

}  // namespace lacuna
