#include "registry/http_error.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

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

// A URL without scheme, user name, query and fragment.
absl::string_view HostAndPath(absl::string_view url) {
  if (const size_t at = url.find("://"); at != absl::string_view::npos) url.remove_prefix(at + 3);
  url = url.substr(0, url.find_first_of("?#"));
  const size_t at = url.substr(0, url.find('/')).rfind('@');
  return at == absl::string_view::npos ? url : url.substr(at + 1);
}

}  // namespace

absl::string_view UrlHost(absl::string_view url) {
  const absl::string_view rest = HostAndPath(url);
  return rest.substr(0, rest.find('/'));
}

std::string UrlForMessages(absl::string_view url) {
  return std::string(HostAndPath(url));
}

absl::Status HttpError(const HttpResponseHead& head, absl::string_view url) {
  const Meaning meaning = MeaningOf(head.status);
  const absl::string_view answered_by = UrlHost(head.final_url);
  const bool elsewhere = !answered_by.empty() && answered_by != UrlHost(url);
  return {meaning.code, absl::StrCat("HTTP ", head.status, elsewhere ? " from " : "",
                                     elsewhere ? answered_by : "", ": ", meaning.text)};
}

}  // namespace lacuna
