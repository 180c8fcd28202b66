#include "registry/curl_wrappers.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

struct Meaning {
  CURLcode code;
  absl::StatusCode status;
  absl::string_view text;  // comes before the host
};

using absl::StatusCode;

constexpr Meaning kMeanings[] = {
    {CURLE_URL_MALFORMAT, StatusCode::kInvalidArgument, "not a usable URL for"},
    {CURLE_UNSUPPORTED_PROTOCOL, StatusCode::kUnknown, "only http and https are spoken with"},
    {CURLE_COULDNT_RESOLVE_HOST, StatusCode::kUnavailable, "name not found:"},
    {CURLE_COULDNT_RESOLVE_PROXY, StatusCode::kUnavailable, "proxy's name not found, on the way to"},
    {CURLE_COULDNT_CONNECT, StatusCode::kUnavailable, "cannot connect to"},
    // Only connecting has a time limit of libcurl's; stalls are found by CurlLoop.
    {CURLE_OPERATION_TIMEDOUT, StatusCode::kDeadlineExceeded, "connecting took too long to"},
    {CURLE_SSL_CONNECT_ERROR, StatusCode::kUnavailable, "TLS failed with"},
    {CURLE_PEER_FAILED_VERIFICATION, StatusCode::kPermissionDenied, "certificate not trusted of"},
    {CURLE_SSL_CACERT_BADFILE, StatusCode::kPermissionDenied,
     "the host's CA certificates cannot be read, needed for"},
    {CURLE_SSL_CERTPROBLEM, StatusCode::kPermissionDenied, "our client certificate cannot be used for"},
    {CURLE_GOT_NOTHING, StatusCode::kUnavailable, "connection closed without an answer by"},
    {CURLE_PARTIAL_FILE, StatusCode::kUnavailable, "body cut short by"},
    {CURLE_RECV_ERROR, StatusCode::kUnavailable, "connection lost to"},
    {CURLE_SEND_ERROR, StatusCode::kUnavailable, "connection lost to"},
    {CURLE_HTTP2, StatusCode::kUnavailable, "HTTP/2 failed with"},
    {CURLE_HTTP2_STREAM, StatusCode::kUnavailable, "HTTP/2 stream ended early by"},
    {CURLE_WEIRD_SERVER_REPLY, StatusCode::kUnknown, "no HTTP from"},
    {CURLE_OUT_OF_MEMORY, StatusCode::kResourceExhausted, "out of memory, talking to"},
};

}  // namespace

void InitCurl() {
  // A failure means that memory is gone or the TLS library is unusable; nothing sensible can follow.
  static const bool ready = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!ready) std::abort();
}

absl::Status CurlStatus(CURLcode code, absl::string_view host, int os_error, absl::string_view detail) {
  // After other failures errno is that of some earlier call.
  const bool failed_in_connect = code == CURLE_COULDNT_CONNECT && os_error != 0;
  std::string cause(failed_in_connect ? std::strerror(os_error) : detail);
  if (cause.empty()) cause = curl_easy_strerror(code);
  for (const Meaning& meaning : kMeanings) {
    if (meaning.code != code) continue;
    return {meaning.status, absl::StrCat(meaning.text, " ", host, ": ", cause)};
  }
  return absl::UnavailableError(absl::StrCat("transfer failed with ", host, ": ", cause));
}

absl::Status WithCertificateHint(const absl::Status& status, bool we_show_one) {
  const bool said_so =
      absl::StrContains(status.message(), "alert") && absl::StrContains(status.message(), "certificate");
  const char* const hint = we_show_one ? "; the server may not accept our client certificate"
                                       : "; the server may want a client certificate";
  return {said_so ? absl::StatusCode::kPermissionDenied : status.code(),
          absl::StrCat(status.message(), hint, " (\"client\" in hosts.toml)")};
}

}  // namespace lacuna
