// Exchange: one request over servers that fail, redirect, throttle and forget us, in a time that the test
// moves.
#include "registry/exchange.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "daemon/base/status.h"
#include "registry/url.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"
#include "tests/fakes/fake_registry.h"

namespace lacuna {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class Recorder : public ExchangeHandler {
 public:
  absl::Status OnHead(const HttpResponseHead& head) override {
    code = head.status;
    return head_answer;
  }
  absl::Status OnBody(absl::Span<const char> bytes) override {
    body.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }
  absl::Status CheckAnswer() override { return check_answer; }
  void OnDone(const absl::Status& end) override {
    ++dones;
    status = end;
  }

  absl::Status head_answer;
  absl::Status check_answer;
  int code = 0;
  std::string body;
  absl::Status status;
  int dones = 0;
};

const FakeAnswer kLost{.status = 0, .end = absl::UnavailableError("connection lost")};
const FakeAnswer kFine{.status = 200, .body = "fine"};

FakeAnswer RedirectTo(std::string url, int code = 307) {
  return {.status = code, .headers = {{"Location", std::move(url)}}};
}

class ExchangeTest : public ::testing::Test {
 protected:
  // The servers' side, by "HOST/PATH" without query; then by host alone.
  void Answer(const std::string& where, FakeAnswer answer) { answers_[where] = std::move(answer); }

  std::shared_ptr<Recorder> Send(RegistryRequest request) {
    auto recorder = std::make_shared<Recorder>();
    exchange = fake.registry()->Send(std::move(request), recorder);
    return recorder;
  }
  // A read of a blob, with a reader who waits for 30 s.
  std::shared_ptr<Recorder> Read(std::string path = "a/blobs/x") {
    return Send({.path = std::move(path),
                 .scope = "repository:a:pull",
                 .persistence = Persistence::kUntilDeadline,
                 .deadline = clock.Now() + seconds(30)});
  }
  void UseServers(std::vector<std::string> hosts) {
    std::vector<RegistryEndpoint> endpoints;
    for (const std::string& host : hosts) {
      endpoints.push_back({.base_url = absl::StrCat("https://", host, "/v2"), .is_mirror = host != "reg"});
    }
    fake.registry()->SetEndpoints(std::move(endpoints));
  }
  // The hosts asked so far, in order.
  std::vector<std::string> Asked() const {
    std::vector<std::string> hosts;
    for (const HttpRequest& request : http.requests()) hosts.emplace_back(UrlHost(request.url));
    return hosts;
  }
  int AskedTimes(absl::string_view host) const {
    const std::vector<std::string> asked = Asked();
    return static_cast<int>(std::count(asked.begin(), asked.end(), host));
  }

  FakeClock clock;
  FakeHttp http{[this](const HttpRequest& request) { return Respond(request); }};
  Credentials credentials{.username = "me", .password = "secret"};
  FakeRegistry fake{http, clock, "reg", credentials};
  std::shared_ptr<Exchange> exchange;

 private:
  FakeAnswer Respond(const HttpRequest& request) const {
    const auto exact = answers_.find(UrlForMessages(request.url));
    if (exact != answers_.end()) return exact->second;
    const auto host = answers_.find(std::string(UrlHost(request.url)));
    return host == answers_.end() ? kLost : host->second;
  }
  std::map<std::string, FakeAnswer> answers_;
};

TEST_F(ExchangeTest, AReaderWaitsForAHostThatComesBack) {
  const auto read = Read();
  clock.Advance(seconds(12));
  EXPECT_EQ(read->dones, 0);
  EXPECT_LE(http.requests().size(), 10);  // patience is not insistence
  Answer("reg", kFine);
  clock.Advance(seconds(6));
  EXPECT_EQ(read->body, "fine");
  EXPECT_EQ(read->dones, 1);
}

TEST_F(ExchangeTest, NoReaderWaitsBeyondItsDeadline) {
  const auto read = Read();
  clock.Advance(milliseconds(30'001));
  EXPECT_EQ(read->dones, 1);
  EXPECT_TRUE(absl::IsUnavailable(read->status)) << read->status;
  EXPECT_THAT(std::string(read->status.message()), HasSubstr("connection lost"));
}

TEST_F(ExchangeTest, SomebodyWhoLooksAtTheErrorGetsItSoon) {
  const auto asked = Send({.path = "a/manifests/latest"});
  clock.Advance(seconds(5));
  EXPECT_EQ(asked->dones, 1);
  EXPECT_EQ(http.requests().size(), 4);
}

TEST_F(ExchangeTest, OnceIsOnce) {
  const auto asked =
      Send({.method = "PATCH", .path = "a/blobs/uploads/1", .persistence = Persistence::kOnce});
  EXPECT_EQ(asked->dones, 1);
  EXPECT_EQ(http.requests().size(), 1);
}

TEST_F(ExchangeTest, WhatIsNotThereIsNotAskedForAgain) {
  Answer("reg", {.status = 404});
  const auto read = Read();
  EXPECT_EQ(read->status, absl::NotFoundError("HTTP 404: not found"));
  EXPECT_EQ(http.requests().size(), 1);
}

TEST_F(ExchangeTest, AThousandReadersOfADeadHostDoNotStormIt) {
  std::vector<std::shared_ptr<Recorder>> readers;
  for (int i = 0; i < 1000; ++i) readers.push_back(Read());
  clock.Advance(seconds(20));
  EXPECT_LE(http.requests().size(), 80);
  Answer("reg", kFine);
  clock.Advance(seconds(9));
  for (const auto& reader : readers) EXPECT_EQ(reader->body, "fine");
}

TEST_F(ExchangeTest, RetryAfterIsForEverybodyAtThatHost) {
  Answer("reg", {.status = 429, .headers = {{"Retry-After", "7"}}});
  const auto first = Read();
  Answer("reg", kFine);
  const auto second = Read();
  clock.Advance(milliseconds(6999));
  EXPECT_EQ(http.requests().size(), 1);
  clock.Advance(milliseconds(200));
  EXPECT_EQ(first->body, "fine");
  EXPECT_EQ(second->body, "fine");
}

TEST_F(ExchangeTest, ARetryAfterBeyondTheDeadlineFailsAtOnce) {
  Answer("reg", {.status = 503, .headers = {{"Retry-After", "3000"}}});
  const auto read = Read();
  EXPECT_EQ(read->dones, 1);
  const auto next = Read();
  EXPECT_EQ(next->dones, 1);
  EXPECT_THAT(std::string(next->status.message()), HasSubstr("left alone for another 50m"));
}

TEST_F(ExchangeTest, MirrorsAreAskedInOrderAndTheNextOneAtOnce) {
  UseServers({"one", "two", "reg"});
  Answer("two", {.status = 404});
  Answer("reg", kFine);
  const auto read = Read();
  EXPECT_EQ(read->body, "fine");
  EXPECT_THAT(Asked(), ElementsAre("one", "two", "reg"));
  EXPECT_THAT(http.requests().at(0).url, "https://one/v2/a/blobs/x?ns=reg");
  EXPECT_THAT(http.requests().at(2).url, "https://reg/v2/a/blobs/x");
}

TEST_F(ExchangeTest, AFailingMirrorIsSkippedForAWhileAndProbedAgain) {
  UseServers({"one", "reg"});
  Answer("reg", kFine);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Read()->body, "fine");
  EXPECT_EQ(AskedTimes("one"), 4);
  Answer("one", kFine);
  clock.Advance(seconds(1));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(Read()->body, "fine");
  EXPECT_EQ(AskedTimes("one"), 54);
}

// Whatever a mirror does wrong, a healthy server behind it has the bytes.
TEST_F(ExchangeTest, NothingThatAMirrorDoesReachesAReader) {
  UseServers({"one", "reg"});
  Answer("reg", kFine);
  for (const int code : {301, 400, 401, 403, 404, 410, 416, 429, 500, 503}) {
    Answer("one", {.status = code});
    EXPECT_EQ(Read()->body, "fine") << code;
    clock.Advance(seconds(10));
  }
  for (const absl::Status& end :
       {absl::DeadlineExceededError("stalled"), absl::PermissionDeniedError("untrusted"),
        absl::UnknownError("no HTTP"), IntegrityError("lies")}) {
    Answer("one", {.status = 0, .end = end});
    EXPECT_EQ(Read()->body, "fine") << end;
    clock.Advance(seconds(10));
  }
  Answer("one", RedirectTo("https://one/v2/a/blobs/x"));
  EXPECT_EQ(Read()->body, "fine");
}

TEST_F(ExchangeTest, AllServersFailingTheErrorIsTheLastOnes) {
  UseServers({"one", "reg"});
  Answer("one", {.status = 403});
  Answer("reg", {.status = 404});
  EXPECT_EQ(Read()->status, absl::NotFoundError("HTTP 404: not found"));
}

TEST_F(ExchangeTest, AMirrorThatCannotIsNotAsked) {
  fake.registry()->SetEndpoints(
      {{.base_url = "https://one/v2", .can_resolve = false, .can_push = false, .is_mirror = true},
       {.base_url = "https://reg/v2"}});
  Answer("one", kFine);
  Answer("reg", kFine);
  Send({.capability = Capability::kResolve, .path = "a/manifests/latest"});
  Send({.capability = Capability::kPush, .method = "HEAD", .path = "a/blobs/x"});
  Read();
  EXPECT_THAT(Asked(), ElementsAre("reg", "reg", "one"));
}

TEST_F(ExchangeTest, RedirectsAreFollowedAndThenKnown) {
  Answer("reg", RedirectTo("https://cdn/x?sig=1"));
  Answer("cdn", kFine);
  EXPECT_EQ(Read()->body, "fine");
  EXPECT_EQ(Read()->body, "fine");
  EXPECT_THAT(Asked(), ElementsAre("reg", "cdn", "cdn"));
}

TEST_F(ExchangeTest, ARedirectThatHasRunOutIsResolvedAgain) {
  Answer("reg", RedirectTo("https://cdn/x?sig=1"));
  Answer("cdn", kFine);
  Read();
  for (const int code : {400, 401, 403, 404, 410}) {
    Answer("cdn/x", {.status = code});
    Answer("reg", RedirectTo(absl::StrCat("https://cdn/", code)));
    const auto read = Read();
    EXPECT_EQ(read->body, "fine") << code << read->status;
    Answer("cdn/x", kFine);
    Answer("reg", RedirectTo("https://cdn/x?sig=1"));
    Answer(absl::StrCat("cdn/", code), {.status = 403});
    EXPECT_EQ(Read()->body, "fine") << code;  // and the next one too
  }
  EXPECT_TRUE(Read()->status.ok());
}

// As a registry does that limits manifests and has its blobs elsewhere.
TEST_F(ExchangeTest, ARegistryThatAsksForTimeDoesNotHoldUpWhatIsElsewhere) {
  Answer("reg", RedirectTo("https://cdn/x?sig=1"));
  Answer("cdn", kFine);
  Read();
  Answer("reg", {.status = 429, .headers = {{"Retry-After", "600"}}});
  Send({.capability = Capability::kResolve, .path = "a/manifests/latest", .persistence = Persistence::kOnce});
  EXPECT_EQ(Read()->body, "fine");
}

TEST_F(ExchangeTest, ASlowServerLeavesTimeForAnother) {
  UseServers({"one", "reg"});
  Answer("one", kFine);
  Read();
  EXPECT_EQ(http.requests().back().deadline, clock.Now() + seconds(15));
  UseServers({"reg"});
  Answer("reg", kFine);
  Read();
  EXPECT_EQ(http.requests().back().deadline, clock.Now() + seconds(30));
}

// It may have run out while it waited for its turn.
TEST_F(ExchangeTest, AFreshRedirectThatIsRefusedIsResolvedAgain) {
  Answer("reg", RedirectTo("https://cdn/x?sig=secret"));
  Answer("cdn", {.status = 403});
  const auto read = Read();
  EXPECT_THAT(Asked(), ElementsAre("reg", "cdn"));
  Answer("cdn", kFine);
  clock.Advance(seconds(1));
  EXPECT_EQ(read->body, "fine");
  EXPECT_THAT(Asked(), ElementsAre("reg", "cdn", "reg", "cdn"));
}

TEST_F(ExchangeTest, RedirectsThatAreAlwaysRefusedAreAnError) {
  Answer("reg", RedirectTo("https://cdn/x?sig=secret"));
  Answer("cdn", {.status = 403});
  const auto asked = Send({.path = "a/blobs/x"});
  const auto read = Read();
  clock.Advance(seconds(5));
  EXPECT_EQ(asked->status, absl::UnauthenticatedError("HTTP 403 from cdn: access denied"));
  clock.Advance(seconds(25));
  EXPECT_EQ(read->status, asked->status);
  EXPECT_LE(http.requests().size(), 2 * (4 + 20));
}

TEST_F(ExchangeTest, RedirectsEnd) {
  Answer("reg", RedirectTo("https://reg/v2/a/blobs/x"));
  const auto read = Read();
  clock.Advance(seconds(30));
  EXPECT_EQ(read->dones, 1);
  EXPECT_THAT(std::string(read->status.message()), HasSubstr("too many redirects"));
  EXPECT_LE(http.requests().size(), 3 * 6);
}

TEST_F(ExchangeTest, NoRedirectFromHttpsToHttpOrToOtherSchemes) {
  UseServers({"reg"});
  for (const char* url : {"http://cdn/x", "file:///etc/passwd", "ftp://cdn/x", "", "https://me:pw@cdn/x"}) {
    Answer("reg", RedirectTo(url));
    const auto read = Read(absl::StrCat("a/blobs/", url));
    clock.Advance(seconds(30));
    EXPECT_FALSE(read->status.ok()) << url;
    EXPECT_EQ(AskedTimes("cdn"), 0) << url;
  }
}

TEST_F(ExchangeTest, OnlyRedirectsThatKeepTheMethodAreFollowedWithABody) {
  Answer("reg", RedirectTo("https://reg/elsewhere", 302));
  const auto put = Send({.capability = Capability::kPush,
                         .method = "PUT",
                         .path = "a/manifests/x",
                         .persistence = Persistence::kOnce});
  EXPECT_FALSE(put->status.ok());
  EXPECT_EQ(http.requests().size(), 1);
}

FakeAnswer WantsBasic() {
  return {.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=\"x\""}}};
}

constexpr char kBasicMeSecret[] = "Basic bWU6c2VjcmV0";

TEST(ExchangeSecrets, NothingIsShownBeforeItIsAskedForAndNothingToOthers) {
  FakeClock clock;
  FakeHttp http([](const HttpRequest& request) -> FakeAnswer {
    if (UrlHost(request.url) != "reg") return kFine;
    return request.authorization == kBasicMeSecret ? RedirectTo("https://cdn/x?sig=1") : WantsBasic();
  });
  FakeRegistry fake(http, clock, "reg", {.username = "me", .password = "secret"});
  fake.registry()->SetEndpoints(
      {{.base_url = "https://reg/v2",
        .headers = {{"X-Key", "header-secret"}},
        .tls = {.ca_pem = "CA", .client_certificate_pem = "C", .client_key_pem = "K", .skip_verify = true}}});
  auto recorder = std::make_shared<Recorder>();
  fake.registry()->Send({.path = "a/blobs/x", .scope = "repository:a:pull"}, recorder);
  EXPECT_EQ(recorder->body, "fine");
  const std::vector<HttpRequest> requests = http.requests();
  ASSERT_EQ(requests.size(), 3);
  EXPECT_EQ(requests[0].authorization, "");
  EXPECT_EQ(requests[1].authorization, kBasicMeSecret);
  EXPECT_TRUE(requests[1].tls->skip_verify);
  EXPECT_EQ(requests[1].headers.back().second, "header-secret");
  const HttpRequest& away = requests[2];
  EXPECT_EQ(away.authorization, "");
  EXPECT_THAT(away.headers, IsEmpty());
  ASSERT_NE(away.tls, nullptr);
  EXPECT_EQ(*away.tls, TlsSettings{.ca_pem = "CA"});
}

// Registries count wrong passwords, and lock who has shown too many.
TEST_F(ExchangeTest, AWrongPasswordIsShownOnce) {
  Answer("reg", WantsBasic());
  const auto read = Read();
  EXPECT_EQ(read->status, absl::UnauthenticatedError("HTTP 401: credentials are missing or wrong"));
  EXPECT_EQ(http.requests().size(), 2);
}

TEST_F(ExchangeTest, TheHandlersErrorIsJudgedAsTheServers) {
  UseServers({"one", "reg"});
  Answer("one", kFine);
  Answer("reg", kFine);
  auto recorder = std::make_shared<Recorder>();
  recorder->check_answer = IntegrityError("not the bytes");
  fake.registry()->Send({.path = "a/blobs/x"}, recorder);
  clock.Advance(seconds(10));
  EXPECT_TRUE(IsIntegrityError(recorder->status));
  EXPECT_EQ(AskedTimes("one"), 3);
  EXPECT_EQ(AskedTimes("reg"), 3);
}

TEST_F(ExchangeTest, APromotedPrefetchHasAReadersDeadline) {
  const auto prefetch = Send({.path = "a/blobs/x", .priority = Priority::kFill});
  Answer("reg", {.status = 429, .headers = {{"Retry-After", "2000"}}});
  clock.Advance(seconds(1));
  EXPECT_EQ(prefetch->dones, 0);
  exchange->Promote(clock.Now() + seconds(5));
  clock.Advance(seconds(5));
  EXPECT_EQ(prefetch->dones, 1);
}

TEST_F(ExchangeTest, ShuttingDownEndsWhatWaitsExactlyOnce) {
  const auto waiting = Read();
  fake.gates.Close(absl::CancelledError("end"));
  EXPECT_EQ(waiting->dones, 1);
  EXPECT_TRUE(absl::IsCancelled(waiting->status));
  const auto late = Read();
  EXPECT_TRUE(absl::IsCancelled(late->status));
}

TEST_F(ExchangeTest, TheRegistrysWordIsQuotedToPushersUnlessItRepeatsASecret) {
  Answer("reg", {.status = 400, .body = R"({"errors":[{"code":"NAME_INVALID"}]})"});
  const RegistryRequest put{.capability = Capability::kPush, .method = "PUT", .path = "a/manifests/x"};
  EXPECT_THAT(std::string(Send(put)->status.message()), HasSubstr("NAME_INVALID"));
  EXPECT_THAT(std::string(Read()->status.message()), Not(HasSubstr("NAME_INVALID")));
}

}  // namespace
}  // namespace lacuna
