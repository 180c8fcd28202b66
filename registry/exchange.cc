#include "registry/exchange.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "daemon/base/duration.h"
#include "daemon/base/log.h"
#include "daemon/base/status.h"
#include "registry/http_error.h"
#include "registry/retry_after.h"
#include "registry/url.h"

namespace lacuna {
namespace {

constexpr int kMaxRedirects = 5;
constexpr int kMaxRenewals = 2;  // the server's first question, and a permission that has run out meanwhile
constexpr size_t kMaxErrorBody = 1024;
// Of a body before its connection broke: a server that brings so much works, however often that happens. Not
// less, or one that brings a byte each time would be asked for ever.
constexpr uint64_t kGettingOn = 64 * 1024;
constexpr uint64_t kMaxIgnoredBody = 1024 * 1024;  // of a redirect, or behind an error code

bool IsRedirect(const HttpResponseHead& head) {
  return head.status >= 300 && head.status < 400 && !head.Find("Location").empty();
}

// RFC 9110 section 15.4: what else may be sent to another place is up to 307 and 308.
bool KeepsMethod(int code) {
  return code == 307 || code == 308;
}

}  // namespace

// One answer on its way, as the transport tells it.
class Exchange::Hop : public HttpResponseHandler {
 public:
  explicit Hop(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  absl::Status OnHead(const HttpResponseHead& head) override {
    exchange_->head_ = head;
    return head.status < 300 ? exchange_->handler_->OnHead(head) : absl::OkStatus();
  }

  absl::Status OnBody(absl::Span<const char> bytes) override {
    if (exchange_->head_.status < 300) {
      exchange_->received_ += bytes.size();
      return exchange_->handler_->OnBody(bytes);
    }
    ignored_ += bytes.size();
    if (ignored_ > kMaxIgnoredBody) return absl::UnknownError("an error answer without end");
    std::string& kept = exchange_->error_body_;
    kept.append(bytes.data(), std::min(bytes.size(), kMaxErrorBody - kept.size()));
    return absl::OkStatus();
  }

  // Lets the exchange go: the transport may keep its handler for longer.
  void OnDone(const absl::Status& status) override { std::exchange(exchange_, nullptr)->OnHopEnd(status); }

 private:
  std::shared_ptr<Exchange> exchange_;
  uint64_t ignored_ = 0;
};

Exchange::Exchange(const RegistryContext& context, std::string registry, const Servers& servers,
                   RegistryRequest request, std::shared_ptr<ExchangeHandler> handler)
    : context_(context),
      registry_(std::move(registry)),
      request_(std::move(request)),
      handler_(std::move(handler)),
      choice_(servers, request_),
      priority_(request_.priority),
      persistence_(request_.persistence),
      deadline_(request_.deadline) {}

Exchange::~Exchange() {
  if (handler_ != nullptr) handler_->OnDone(absl::CancelledError("shutting down"));
}

void Exchange::Start() {
  Attempt();
}

void Exchange::Promote(TimePoint deadline, Persistence persistence) {
  std::shared_ptr<HostGate> gate;
  HostGate::Ticket ticket;
  {
    MutexLock lock(mutex_);
    if (priority_ == Priority::kDemand) return;
    priority_ = Priority::kDemand;
    persistence_ = persistence;
    deadline_ = deadline;
    gate = waits_at_;
    ticket = ticket_;
  }
  if (gate != nullptr) gate->Promote(ticket, deadline);
}

void Exchange::Attempt() {
  const TimePoint now = context_.clock.Now();
  const ServerChoice::Choice choice = choice_.Next(now);
  candidate_ = choice.candidate;
  if (candidate_ == nullptr) {
    return Finish(last_failure_.ok() ? absl::NotFoundError("no server of it is configured for this")
                                     : last_failure_);
  }
  RegistryServer& server = *candidate_->server;
  from_cache_ = choice.known.has_value();
  url_ = from_cache_                 ? choice.known->url
         : request_.location.empty() ? server.UrlOf(request_.path)
                                     : request_.location;
  gate_ = from_cache_ ? choice.known->gate : AtOwnHost() ? server.gate : context_.gates.Of(url_);
  if (choice.when > Deadline())
    return Finish(last_failure_.ok() ? TooLate(choice.when - now) : last_failure_);
  redirects_ = 0;
  renewals_ = 0;
  refused_.clear();
  Turn(choice.when);
}

void Exchange::Turn(TimePoint not_before) {
  const HostGate::Ticket ticket = HostGate::NewTicket();
  HostGate::Wish wish{.not_before = not_before, .has_alternative = choice_.HasAlternative()};
  {
    MutexLock lock(mutex_);
    wish.priority = priority_;
    wish.deadline = deadline_;
    waits_at_ = gate_;
    ticket_ = ticket;
  }
  const std::shared_ptr<HostGate> gate = gate_;  // what follows the turn may be over before Enter returns
  gate->Enter(ticket, wish, [self = shared_from_this()](absl::StatusOr<HostGate::Slot> slot) {
    self->OnTurn(std::move(slot));
  });
  // A promotion that came before the entry found nothing there.
  bool promoted = false;
  TimePoint deadline;
  {
    MutexLock lock(mutex_);
    promoted = priority_ != wish.priority;
    deadline = deadline_;
  }
  if (promoted) gate->Promote(ticket, deadline);
}

void Exchange::OnTurn(absl::StatusOr<HostGate::Slot> slot) {
  if (absl::IsUnavailable(slot.status())) {
    // The server itself was left alone meanwhile: another, then. Where it led us is a failure like any.
    const bool own_gate = gate_ == candidate_->server->gate;
    return own_gate ? Attempt() : AttemptFailed(Failure::kConnection, slot.status());
  }
  if (!slot.ok()) {
    const bool late = absl::IsDeadlineExceeded(slot.status());
    return Finish(late && !last_failure_.ok() ? last_failure_ : slot.status());
  }
  slot_.emplace(*std::move(slot));
  if (!AtOwnHost()) return Send("");
  candidate_->server->authenticator->Authorize(
      request_.scope, [self = shared_from_this()](absl::StatusOr<std::string> authorization) {
        // The same password again would be the same answer, and count against the account.
        const bool again = authorization.ok() && !authorization->empty() && *authorization == self->refused_;
        if (authorization.ok() && !again) return self->Send(*std::move(authorization));
        self->slot_.reset();
        if (again) return self->AttemptFailed(Failure::kRefused, self->CodeError());
        self->AttemptFailed(FailureOf(authorization.status()), authorization.status());
      });
}

void Exchange::Send(std::string authorization) {
  const RegistryServer& server = *candidate_->server;
  const RegistryEndpoint& endpoint = server.endpoint;
  HttpRequest request;
  request.method = request_.method;
  request.url = url_;
  request.headers = request_.headers;
  request.body = request_.body;
  request.tls = server.tls.For(url_);
  request.connect_timeout = endpoint.dial_timeout.value_or(context_.limits.connect_timeout);
  request.stall_timeout = request_.stall_timeout.value_or(context_.limits.stall_timeout);
  request.stall_bytes = request_.stall_timeout.has_value() ? 0 : context_.limits.stall_bytes;
  request.deadline = AttemptDeadline();
  authorization_ = std::move(authorization);
  if (AtOwnHost()) {
    request.authorization = authorization_;
    request.headers.insert(request.headers.end(), endpoint.headers.begin(), endpoint.headers.end());
  }
  head_ = {};
  received_ = 0;
  error_body_.clear();
  handler_->OnAttempt(request);
  context_.transport.Issue(std::move(request), std::make_shared<Hop>(shared_from_this()));
}

void Exchange::OnHopEnd(const absl::Status& status) {
  context_.counters.AddRequest(head_.status);
  absl::Status end = status;
  const bool wanted = head_.status >= 200 && head_.status < 300;
  if (end.ok() && wanted) end = handler_->CheckAnswer();
  if (end.ok()) return OnAnswer();
  const Failure failure = FailureOf(end);
  const bool broke = !status.ok() && (failure == Failure::kConnection || failure == Failure::kStalled);
  if (broke && received_ >= kGettingOn) {
    candidate_->failed = 0;
    slot_->Succeeded();
  } else {
    slot_->Failed(failure, std::nullopt, end.message());
  }
  slot_.reset();
  // The connection broke behind the last byte that was wanted.
  if (broke && handler_->HasAll()) return Finish(absl::OkStatus());
  AttemptFailed(failure, end);
}

void Exchange::OnAnswer() {
  if (head_.status >= 400) return OnErrorCode();
  slot_->Succeeded();
  slot_.reset();
  if (IsRedirect(head_)) return FollowRedirect();
  if (head_.status >= 300) return AttemptFailed(Failure::kBadAnswer, CodeError());
  RememberRedirect();
  Finish(absl::OkStatus());
}

void Exchange::OnErrorCode() {
  const Failure failure = FailureOfCode(head_.status);
  if (RuleOf(failure).penalty == 0) {
    slot_->Succeeded();  // it works, and says no
  } else {
    slot_->Failed(failure, ParseRetryAfter(head_.Find("Retry-After"), absl::Now()), CodeError().message());
  }
  slot_.reset();
  const bool asks_who = head_.status == 401 || head_.status == 403;
  if (asks_who && AtOwnHost() && renewals_ < kMaxRenewals) {
    const bool renewed = candidate_->server->authenticator->Refused(request_.scope, authorization_, head_);
    // The question itself is no renewal: nothing had been shown yet.
    refused_ = authorization_;
    renewals_ += authorization_.empty() ? 1 : kMaxRenewals;
    if (renewed) return Turn(TimePoint::min());
  }
  const bool refused = failure == Failure::kRefused || failure == Failure::kAbsent;
  const bool misled = refused && redirects_ > 0 && !from_cache_ && !AtOwnHost();
  AttemptFailed(misled ? Failure::kMisled : failure, CodeError());
}

void Exchange::FollowRedirect() {
  const bool moves = request_.method == "GET" || request_.method == "HEAD" || KeepsMethod(head_.status);
  const absl::StatusOr<std::string> next = ResolveLocation(url_, head_.Find("Location"));
  absl::Status refusal;
  if (!next.ok()) {
    refusal = absl::UnknownError(next.status().message());
  } else if (++redirects_ > kMaxRedirects) {
    refusal = absl::UnknownError(absl::StrCat("too many redirects, last by ", UrlHost(url_)));
  } else if (!moves) {
    refusal = absl::UnknownError(absl::StrCat("HTTP ", head_.status, " to a ", request_.method));
  }
  if (!refusal.ok()) return AttemptFailed(Failure::kBadAnswer, refusal);
  url_ = *next;
  gate_ = AtOwnHost() ? candidate_->server->gate : context_.gates.Of(url_);
  Turn(TimePoint::min());
}

void Exchange::RememberRedirect() {
  if (!request_.RedirectsHold() || redirects_ == 0 || AtOwnHost()) return;
  candidate_->server->redirects.Remember(request_.path, {url_, gate_});
}

void Exchange::AttemptFailed(Failure failure, const absl::Status& status) {
  LogDebug(registry_, ": ", request_.method, " ", UrlForMessages(url_), " failed: ", status.message());
  if (from_cache_) {
    candidate_->server->redirects.Forget(request_.path, url_);
    // A signed URL that has run out is nobody's failure: the registry makes another.
    if (!RuleOf(failure).until_deadline) return Attempt();
  }
  last_failure_ = status;
  const Persistence persistence = HowPersistent();
  ServerChoice::Fail(*candidate_, failure, persistence, context_.clock.Now());
  const bool anywhere = RuleOf(failure).elsewhere && persistence != Persistence::kOnce;
  if (!anywhere) return Finish(status);
  Attempt();
}

void Exchange::Finish(const absl::Status& status) {
  std::exchange(handler_, nullptr)->OnDone(status);
}

bool Exchange::AtOwnHost() const {
  return SameOrigin(url_, candidate_->server->endpoint.base_url);
}

absl::Status Exchange::TooLate(Duration pause) const {
  return absl::UnavailableError(absl::StrCat(gate_->host(), " is to be left alone for another ",
                                             FormatDuration(std::chrono::ceil<std::chrono::seconds>(pause))));
}

absl::Status Exchange::CodeError() const {
  const absl::Status error = HttpError(head_.status, UrlHost(url_), registry_);
  // Whoever pushes has to know which rule was broken; a server that repeats what we showed it is not quoted.
  const absl::string_view shown = absl::string_view(authorization_).substr(authorization_.find(' ') + 1);
  const bool quotable = shown.empty() || !absl::StrContains(error_body_, shown);
  return request_.capability == Capability::kPush && quotable ? WithExplanation(error, error_body_) : error;
}

TimePoint Exchange::Deadline() const {
  MutexLock lock(mutex_);
  return deadline_;
}

// A server that is slow, but not so slow as to have stalled, must leave time for another.
TimePoint Exchange::AttemptDeadline() const {
  const TimePoint deadline = Deadline();
  if (deadline == TimePoint::max() || !choice_.HasAlternative()) return deadline;
  const TimePoint now = context_.clock.Now();
  return now + (deadline - now) / 2;
}

Persistence Exchange::HowPersistent() const {
  MutexLock lock(mutex_);
  return persistence_;
}

}  // namespace lacuna
