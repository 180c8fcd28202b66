#include "registry/push_request.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "registry/blocking_request.h"
#include "registry/http_error.h"

namespace lacuna {
namespace {

constexpr uint64_t kMaxAnswer = 64 * 1024;
constexpr size_t kMaxQuoted = 300;

TimePoint DeadlineOf(const HttpRequest& request, const PushLimits& limits) {
  const uint64_t size = request.body == nullptr ? 0 : request.body->size();
  return std::chrono::steady_clock::now() + limits.request_timeout +
         std::chrono::seconds(size / limits.slowest_bytes_per_second);
}

// distribution-spec, "Error Codes": code-7 is what a registry answers to bytes that do not have the digest
// given.
absl::Status AnswerError(const HttpResponse& response, absl::string_view url) {
  if (response.head.status == 400 && absl::StrContains(response.body, "DIGEST_INVALID")) {
    return IntegrityError(
        "the registry got other bytes than were announced: the file changed during the push");
  }
  absl::Status status = HttpError(response.head, url);
  if (response.body.empty()) return status;
  return {status.code(), absl::StrCat(status.message(), ", the registry says: ",
                                      EscapeForTerminal(response.body.substr(0, kMaxQuoted)))};
}

}  // namespace

absl::StatusOr<HttpResponseHead> SendPushRequest(HttpTransport& transport, HttpRequest request,
                                                 std::initializer_list<int> expected,
                                                 const PushLimits& limits) {
  request.connect_timeout = limits.connect_timeout;
  request.stall_timeout = limits.stall_timeout;
  const std::string url = request.url;
  const TimePoint deadline = DeadlineOf(request, limits);
  ASSIGN_OR_RETURN(HttpResponse response,
                   BlockingRequest(transport, std::move(request), kMaxAnswer, deadline));
  const bool wanted = std::find(expected.begin(), expected.end(), response.head.status) != expected.end();
  if (!wanted) return AnswerError(response, url);
  return std::move(response.head);
}

}  // namespace lacuna
