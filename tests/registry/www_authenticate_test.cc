#include "registry/www_authenticate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Parameters = std::map<std::string, std::string>;

MATCHER_P2(IsChallenge, scheme, parameters, "") {
  return arg.scheme == scheme && arg.parameters == Parameters(parameters);
}

TEST(WwwAuthenticate, DockerHub) {
  const std::vector<Challenge> got =
      ParseWwwAuthenticate(R"(Bearer realm="https://auth.docker.io/token",service="registry.docker.io",)"
                           R"(scope="repository:library/debian:pull")");
  ASSERT_EQ(got.size(), 1);
  EXPECT_EQ(got[0].scheme, "bearer");
  EXPECT_EQ(got[0].Find("realm"), "https://auth.docker.io/token");
  EXPECT_EQ(got[0].Find("service"), "registry.docker.io");
  EXPECT_EQ(got[0].Find("scope"), "repository:library/debian:pull");
  EXPECT_EQ(got[0].Find("error"), "");
  EXPECT_EQ(got[0].parameters.size(), 3);
}

TEST(WwwAuthenticate, WhatOtherRegistriesSay) {
  const struct {
    const char* header;
    const char* scheme;
    Parameters parameters;
  } cases[] = {
      {R"(Bearer realm="https://ghcr.io/token",service="ghcr.io",scope="repository:o/app:pull")",
       "bearer",
       {{"realm", "https://ghcr.io/token"}, {"service", "ghcr.io"}, {"scope", "repository:o/app:pull"}}},
      {R"(Basic realm="https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/",service="ecr.amazonaws.com")",
       "basic",
       {{"realm", "https://123456789012.dkr.ecr.eu-central-1.amazonaws.com/"},
        {"service", "ecr.amazonaws.com"}}},
      {R"(Bearer realm="https://harbor.example/service/token",service="harbor-registry",)"
       R"(scope="repository:project/app:pull,push")",
       "bearer",
       {{"realm", "https://harbor.example/service/token"},
        {"service", "harbor-registry"},
        {"scope", "repository:project/app:pull,push"}}},
      {R"(Bearer realm="https://gitlab.example/jwt/auth",service="container_registry",)"
       R"(scope="repository:group/app:pull",error="invalid_token")",
       "bearer",
       {{"realm", "https://gitlab.example/jwt/auth"},
        {"service", "container_registry"},
        {"scope", "repository:group/app:pull"},
        {"error", "invalid_token"}}},
      {R"(Bearer realm="https://quay.io/v2/auth",service="quay.io",scope="repository:o/app:pull",)"
       R"(error="insufficient_scope")",
       "bearer",
       {{"realm", "https://quay.io/v2/auth"},
        {"service", "quay.io"},
        {"scope", "repository:o/app:pull"},
        {"error", "insufficient_scope"}}},
  };
  for (const auto& expected : cases) {
    EXPECT_THAT(ParseWwwAuthenticate(expected.header),
                ElementsAre(IsChallenge(expected.scheme, expected.parameters)))
        << expected.header;
  }
}

TEST(WwwAuthenticate, SeveralChallengesInOneHeader) {
  EXPECT_THAT(
      ParseWwwAuthenticate(R"(Newauth realm="apps", type=1, title="Login to \"apps\", please", )"
                           R"(Basic realm="simple", Negotiate, Bearer realm=x)"),
      ElementsAre(
          IsChallenge("newauth",
                      Parameters{{"realm", "apps"}, {"type", "1"}, {"title", "Login to \"apps\", please"}}),
          IsChallenge("basic", Parameters{{"realm", "simple"}}), IsChallenge("negotiate", Parameters{}),
          IsChallenge("bearer", Parameters{{"realm", "x"}})));
}

TEST(WwwAuthenticate, CaseAndWhitespaceDoNotMatter) {
  EXPECT_THAT(ParseWwwAuthenticate(" ,\t, BEARER   Realm =\t\"A\" , SERVICE= B ,, basic REALM=\"C\" ,"),
              ElementsAre(IsChallenge("bearer", Parameters{{"realm", "A"}, {"service", "B"}}),
                          IsChallenge("basic", Parameters{{"realm", "C"}})));
}

TEST(WwwAuthenticate, Token68IsPassedOver) {
  EXPECT_THAT(ParseWwwAuthenticate("Negotiate YII+/-._~09==, NTLM TlRM=  , Basic realm=\"x\""),
              ElementsAre(IsChallenge("negotiate", Parameters{}), IsChallenge("ntlm", Parameters{}),
                          IsChallenge("basic", Parameters{{"realm", "x"}})));
}

TEST(WwwAuthenticate, OfAParameterGivenTwiceTheFirstCounts) {
  EXPECT_THAT(ParseWwwAuthenticate(R"(Bearer realm="first",REALM="second")"),
              ElementsAre(IsChallenge("bearer", Parameters{{"realm", "first"}})));
}

TEST(WwwAuthenticate, MalformedTextGivesWhatStandsBeforeTheFault) {
  for (const char* rest : {"service=\"y", "service=", "service=\"a\nb\"",
                           "service=\"y\" scope=z, scope=\"w\"", "=x", "\"x\"", "service=(y)", "\x01"}) {
    const std::vector<Challenge> got = ParseWwwAuthenticate(absl::StrCat("Bearer realm=\"x\",", rest));
    ASSERT_EQ(got.size(), 1) << rest;
    EXPECT_EQ(got[0].Find("realm"), "x") << rest;
    EXPECT_EQ(got[0].Find("scope"), "") << rest;
  }
  for (const char* nothing : {"", " ", ",,", "\"x\"", "=", "realm=\"x\"", "realm=\"x\", Basic realm=y"}) {
    EXPECT_THAT(ParseWwwAuthenticate(nothing), IsEmpty()) << nothing;
  }
  EXPECT_THAT(ParseWwwAuthenticate("Basic realm x=y, Bearer realm=z"),
              ElementsAre(IsChallenge("basic", Parameters{})));
}

TEST(WwwAuthenticate, ReadsNoMoreThanItsLimits) {
  std::string challenges;
  for (int i = 0; i < 20; ++i) absl::StrAppend(&challenges, "scheme", i, ", ");
  EXPECT_EQ(ParseWwwAuthenticate(challenges).size(), 16);

  std::string parameters = "Bearer ";
  for (int i = 0; i < 40; ++i) absl::StrAppend(&parameters, "name", i, "=x, ");
  ASSERT_EQ(ParseWwwAuthenticate(parameters).size(), 1);
  EXPECT_EQ(ParseWwwAuthenticate(parameters)[0].parameters.size(), 32);

  const std::string longest(8 * 1024, 'x');
  EXPECT_EQ(ParseWwwAuthenticate(absl::StrCat("Bearer realm=", longest))[0].Find("realm"), longest);
  EXPECT_THAT(ParseWwwAuthenticate(absl::StrCat("Bearer realm=\"", longest, "x\"")),
              ElementsAre(IsChallenge("bearer", Parameters{})));
}

}  // namespace
}  // namespace lacuna
