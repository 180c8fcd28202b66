#include "registry/helper_protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

TEST(HelperName, IsNoPath) {
  for (const char* good : {"pass", "ecr-login", "gcr", "a.b_c-9"}) EXPECT_TRUE(IsHelperName(good)) << good;
  for (const char* bad : {"", "a/b", "../evil", "a b", "a;b", "a\n", "p\xc3\xa4ss", "$(x)"}) {
    EXPECT_FALSE(IsHelperName(bad)) << bad;
  }
}

TEST(HelperServerUrl, IsTheHostExceptForDockersHub) {
  EXPECT_EQ(HelperServerUrl("ghcr.io"), "ghcr.io");
  EXPECT_EQ(HelperServerUrl("localhost:5000"), "localhost:5000");
  for (const char* hub : {"docker.io", "index.docker.io", "registry-1.docker.io"}) {
    EXPECT_EQ(HelperServerUrl(hub), "https://index.docker.io/v1/") << hub;
    EXPECT_EQ(CanonicalHost(hub), "docker.io") << hub;
  }
  EXPECT_EQ(CanonicalHost("evil-docker.io"), "evil-docker.io");
}

TEST(HelperAnswer, UserAndPassword) {
  const auto got = ParseHelperAnswer(R"({"ServerURL": "ghcr.io", "Username": "alice", "Secret": "s"})");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{.username = "alice", .password = "s"}));
}

TEST(HelperAnswer, TokenAsUserNameMeansAnIdentityToken) {
  const auto got = ParseHelperAnswer(R"({"Username": "<token>", "Secret": "refresh"})");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, (Credentials{.identity_token = "refresh"}));
}

TEST(HelperAnswer, NothingMeansNoCredentials) {
  const auto got = ParseHelperAnswer(R"({"ServerURL": "", "Username": "", "Secret": ""})");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(got->empty());
}

TEST(HelperAnswer, GarbageIsRefusedWithoutShowingIt) {
  for (const std::string& bad :
       {std::string(), std::string("hunter2"), std::string("[\"hunter2\"]"),
        std::string(R"({"Secret": "hunter2"})"), std::string(R"({"Username": "u"})"),
        std::string(R"({"Username": "u", "Secret": null})"),
        std::string(R"({"Username": 5, "Secret": "hunter2"})"),
        std::string(R"({"Username": "u", "Secret": "hunter2)"),
        std::string(R"({"Username": "u", "Secret": ["hunter2"]})"), std::string(10'000, '[')}) {
    const auto got = ParseHelperAnswer(bad);
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(got.status().message(), "its answer is no JSON object with Username and Secret");
  }
}

TEST(HelperAnswer, NotFoundIsSaidInWords) {
  EXPECT_TRUE(SaysNotFound("credentials not found in native keychain\n"));
  EXPECT_FALSE(SaysNotFound("keychain is locked"));
  EXPECT_FALSE(SaysNotFound(""));
}

}  // namespace
}  // namespace lacuna
