// Authenticator: what a server asks for, what a token server is asked, and who is shown what.
#include "registry/authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/fakes/fake_clock.h"
#include "tests/fakes/fake_http.h"

namespace lacuna {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kScope[] = "repository:a/b:pull";
constexpr char kBearerChallenge[] =
    R"(Bearer realm="https://auth.example/token?x=1",service="reg service",scope="repository:a/b:pull")";

std::string TextOf(HttpBody& body) {
  std::string text(body.size(), '\0');
  EXPECT_EQ(body.ReadAt(0, absl::MakeSpan(text)).value_or(0), text.size());
  return text;
}

class AuthenticatorTest : public ::testing::Test {
 protected:
  HttpResponseHead Unauthorized(std::string challenge) const {
    return {.status = 401, .headers = {{"www-authenticate", std::move(challenge)}}};
  }
  std::string Authorize(const std::string& scope = kScope) {
    std::string told = "nothing";
    authenticator->Authorize(scope, [&told](absl::StatusOr<std::string> header) {
      told = header.ok() ? *header : absl::StrCat("error: ", header.status().message());
    });
    return told;
  }
  std::shared_ptr<Authenticator> Make(TlsSettings tls = {}) {
    return std::make_shared<Authenticator>(TokenClient{.transport = http, .gates = gates, .clock = clock},
                                           ServerTls("https://reg.example/v2", tls),
                                           [this](Authenticator::LookupDone done) {
                                             ++lookups;
                                             std::move(done)(credentials);
                                           });
  }
  HttpRequest LastRequest() const { return http.requests().back(); }

  FakeClock clock;
  FakeAnswer answer{.body = R"({"token":"T1","expires_in":100})"};
  FakeHttp http{[this](const HttpRequest&) { return answer; }};
  HostGates gates{{}, clock};
  absl::StatusOr<Credentials> credentials = Credentials{.username = "me", .password = "p:w"};
  int lookups = 0;
  std::shared_ptr<Authenticator> authenticator = Make();
};

TEST_F(AuthenticatorTest, NothingIsShownToAServerThatAsksForNothing) {
  EXPECT_EQ(Authorize(), "");
  EXPECT_EQ(lookups, 0);
}

TEST_F(AuthenticatorTest, BasicWhereItIsAskedFor) {
  EXPECT_TRUE(authenticator->Refused(kScope, "", Unauthorized("Basic realm=\"x\"")));
  EXPECT_EQ(Authorize(), "Basic bWU6cDp3");
  EXPECT_EQ(Authorize("repository:other:pull"), "Basic bWU6cDp3");
  EXPECT_EQ(lookups, 1);
  EXPECT_THAT(http.requests(), IsEmpty());
}

TEST_F(AuthenticatorTest, ATokenIsAskedForOncePerScope) {
  EXPECT_TRUE(authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge)));
  EXPECT_EQ(Authorize(), "Bearer T1");
  EXPECT_EQ(Authorize(), "Bearer T1");
  ASSERT_EQ(http.requests().size(), 1);
  EXPECT_EQ(LastRequest().url,
            "https://auth.example/"
            "token?x=1&service=reg%20service&client_id=lacuna&scope=repository%3Aa%2Fb%3Apull");
  EXPECT_EQ(LastRequest().authorization, "Basic bWU6cDp3");
  Authorize("repository:other:pull");
  EXPECT_THAT(LastRequest().url, HasSubstr("scope=repository%3Aother%3Apull"));
}

TEST_F(AuthenticatorTest, AnonymousTokensToo) {
  credentials = Credentials();
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  EXPECT_EQ(Authorize(), "Bearer T1");
  EXPECT_EQ(LastRequest().authorization, "");
}

TEST_F(AuthenticatorTest, AnIdentityTokenIsPostedAndItsSuccessorUsedFromThenOn) {
  credentials = Credentials{.identity_token = "id/1"};
  answer.body = R"({"access_token":"T1","expires_in":100,"refresh_token":"id2"})";
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  EXPECT_EQ(Authorize(), "Bearer T1");
  EXPECT_EQ(LastRequest().method, "POST");
  EXPECT_EQ(LastRequest().authorization, "");
  EXPECT_THAT(TextOf(*LastRequest().body),
              AllOf(HasSubstr("grant_type=refresh_token"), HasSubstr("service=reg%20service"),
                    HasSubstr("client_id=lacuna"), HasSubstr("refresh_token=id%2F1")));
  EXPECT_THAT(LastRequest().url, Not(HasSubstr("id")));
  clock.Advance(seconds(200));
  Authorize();
  EXPECT_THAT(TextOf(*LastRequest().body), HasSubstr("refresh_token=id2"));
  credentials = Credentials{.identity_token = "logged in again"};
  clock.Advance(seconds(200));
  Authorize();
  EXPECT_THAT(TextOf(*LastRequest().body), HasSubstr("refresh_token=logged%20in%20again"));
}

TEST_F(AuthenticatorTest, ARegistryTokenIsUsedAsItIs) {
  credentials = Credentials{.registry_token = "R"};
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  EXPECT_EQ(Authorize(), "Bearer R");
  EXPECT_THAT(http.requests(), IsEmpty());
}

TEST_F(AuthenticatorTest, ARefusedTokenIsReplacedOnce) {
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  EXPECT_EQ(Authorize(), "Bearer T1");
  answer.body = R"({"token":"T2"})";
  EXPECT_TRUE(authenticator->Refused(kScope, "Bearer T1", Unauthorized(kBearerChallenge)));
  EXPECT_TRUE(authenticator->Refused(kScope, "Bearer T1", Unauthorized(kBearerChallenge)));
  EXPECT_EQ(Authorize(), "Bearer T2");
  EXPECT_TRUE(authenticator->Refused(kScope, "Bearer T1", Unauthorized(kBearerChallenge)));
  EXPECT_EQ(Authorize(), "Bearer T2");
  EXPECT_EQ(http.requests().size(), 2);
}

// ECR says 403 of a password that has expired; the helper has a new one.
TEST_F(AuthenticatorTest, A403OfWhatWasShownMakesItLookAgain) {
  authenticator->Refused(kScope, "", Unauthorized("Basic realm=\"x\""));
  const std::string before = Authorize();
  credentials = Credentials{.username = "me", .password = "new"};
  EXPECT_TRUE(authenticator->Refused(kScope, before, {.status = 403}));
  EXPECT_NE(Authorize(), before);
  EXPECT_FALSE(authenticator->Refused(kScope, "", {.status = 403}));
}

TEST_F(AuthenticatorTest, A401WithoutAnythingToMeetIsFinal) {
  EXPECT_FALSE(authenticator->Refused(kScope, "", {.status = 401}));
  EXPECT_FALSE(authenticator->Refused(kScope, "", Unauthorized("Negotiate")));
}

TEST_F(AuthenticatorTest, ATokenComesBeforeAPassword) {
  HttpResponseHead head = Unauthorized("Basic realm=\"x\"");
  head.headers.emplace_back("WWW-Authenticate", kBearerChallenge);
  authenticator->Refused(kScope, "", head);
  EXPECT_EQ(Authorize(), "Bearer T1");
}

TEST_F(AuthenticatorTest, WithoutAPasswordTheErrorSaysSoAndTheServerIsAskedAfresh) {
  credentials = Credentials();
  authenticator->Refused(kScope, "", Unauthorized("Basic realm=\"x\""));
  EXPECT_EQ(Authorize(), "error: reg.example wants a user name and a password, and none are known for it");
  EXPECT_EQ(Authorize(), "");
}

TEST_F(AuthenticatorTest, WhatTheTokenServerSaysInErrorIsNotRepeated) {
  answer = {.status = 401, .body = "p:w is no password"};
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  EXPECT_EQ(Authorize(),
            "error: asking auth.example for a token: HTTP 401: credentials are missing or wrong");
  answer = {.body = "p:w"};
  clock.Advance(seconds(1));
  EXPECT_THAT(Authorize(), AllOf(HasSubstr("error: asking auth.example"), Not(HasSubstr("p:w"))));
  answer = {.body = std::string(2 << 20, 'x')};
  clock.Advance(seconds(1));
  EXPECT_THAT(Authorize(), HasSubstr("longer than"));
}

TEST_F(AuthenticatorTest, NoRealmThatWouldShowSecretsIsUsed) {
  for (const char* realm :
       {"http://auth.example/token", "", "ftp://auth.example/", "https://u:p@auth.example/", "/token"}) {
    authenticator = Make();
    authenticator->Refused(kScope, "", Unauthorized(absl::StrCat("Bearer realm=\"", realm, "\"")));
    EXPECT_THAT(Authorize(), HasSubstr("whose URL cannot be used")) << realm;
  }
  EXPECT_THAT(http.requests(), IsEmpty());
}

TEST_F(AuthenticatorTest, TheTokenServerSeesOurCertificateOnlyWhereItIsTheRegistry) {
  const TlsSettings tls{
      .ca_pem = "CA", .client_certificate_pem = "C", .client_key_pem = "K", .skip_verify = true};
  authenticator = Make(tls);
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  Authorize();
  EXPECT_EQ(*LastRequest().tls, TlsSettings{.ca_pem = "CA"});
  authenticator = Make(tls);
  authenticator->Refused(kScope, "", Unauthorized("Bearer realm=\"https://reg.example/token\""));
  Authorize();
  EXPECT_EQ(*LastRequest().tls, tls);
}

TEST_F(AuthenticatorTest, ManyScopesDoNotPileUp) {
  authenticator->Refused(kScope, "", Unauthorized(kBearerChallenge));
  for (int i = 0; i < 5000; ++i) EXPECT_EQ(Authorize(absl::StrCat("repository:", i, ":pull")), "Bearer T1");
}

}  // namespace
}  // namespace lacuna
