#include "registry/token_request.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "daemon/base/status.h"
#include "registry/http_code.h"
#include "registry/http_error.h"
#include "registry/response_collector.h"
#include "registry/retry_after.h"
#include "registry/upload_body.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr uint64_t kMaxAnswerBytes = 1024 * 1024;
constexpr char kClientId[] = "lacuna";

HttpRequest MakePost(const TokenQuestion& question) {
  HttpRequest request;
  request.method = "POST";
  request.url = question.realm;
  request.headers = {{"Content-Type", "application/x-www-form-urlencoded"}};
  request.body = std::make_shared<MemoryBody>(
      absl::StrCat("grant_type=refresh_token&service=", PercentEncode(question.service),
                   "&client_id=", kClientId, "&scope=", PercentEncode(question.scope),
                   "&refresh_token=", PercentEncode(question.credentials.identity_token)));
  return request;
}

HttpRequest MakeGet(const TokenQuestion& question) {
  const Credentials& credentials = question.credentials;
  HttpRequest request;
  request.url = WithQuery(WithQuery(question.realm, "service", question.service), "client_id", kClientId);
  // Several scopes are several parameters.
  for (const absl::string_view scope : absl::StrSplit(question.scope, ' ', absl::SkipEmpty())) {
    request.url = WithQuery(request.url, "scope", scope);
  }
  if (!credentials.username.empty()) request.authorization = BasicAuthorization(credentials);
  return request;
}

absl::StatusOr<TokenAnswer> Judge(const absl::StatusOr<HttpResponse>& response, absl::string_view host) {
  if (!response.ok()) return response.status();
  // A wrong password is what most 400 and 401 of token servers mean.
  if (response->head.status == http_code::kBadRequest) {
    return absl::UnauthenticatedError("HTTP 400: the credentials are not accepted");
  }
  if (response->head.status != http_code::kOk) return HttpError(response->head.status, host, host);
  return ParseTokenAnswer(response->body);
}

void Report(HostGate::Slot& slot, const absl::StatusOr<HttpResponse>& response) {
  if (!response.ok()) {
    slot.Failed(FailureOf(response.status()), std::nullopt, response.status().message());
  } else if (response->head.status < http_code::kFirstError) {
    slot.Succeeded();
  } else {
    slot.Failed(FailureOfCode(response->head.status),
                ParseRetryAfter(response->head.Find("Retry-After"), absl::Now()),
                absl::StrCat("HTTP ", response->head.status));
  }
}

}  // namespace

void RequestToken(const TokenClient& client, const TokenQuestion& question, TokenDone done) {
  HttpRequest request = question.credentials.identity_token.empty() ? MakeGet(question) : MakePost(question);
  request.tls = question.tls;
  request.connect_timeout = client.connect_timeout;
  request.stall_timeout = client.stall_timeout;
  request.deadline = client.clock.Now() + client.time_limit;
  const std::string host(UrlHost(question.realm));
  const std::shared_ptr<HostGate> gate = client.gates.OfTokens(question.realm);
  const HostGate::Wish wish{.deadline = request.deadline};
  gate->Enter(HostGate::NewTicket(), wish,
              [&transport = client.transport, request = std::move(request), host,
               done = std::move(done)](absl::StatusOr<HostGate::Slot> slot) mutable {
                const std::string context = absl::StrCat("asking ", host, " for a token");
                if (!slot.ok()) return std::move(done)(Annotate(slot.status(), context));
                auto collector = std::make_shared<ResponseCollector>(
                    kMaxAnswerBytes, [slot = *std::move(slot), host, context, done = std::move(done)](
                                         const absl::StatusOr<HttpResponse>& response) mutable {
                      Report(slot, response);
                      absl::StatusOr<TokenAnswer> answer = Judge(response, host);
                      if (!answer.ok()) answer = Annotate(answer.status(), context);
                      std::move(done)(std::move(answer));
                    });
                transport.Issue(std::move(request), std::move(collector));
              });
}

}  // namespace lacuna
