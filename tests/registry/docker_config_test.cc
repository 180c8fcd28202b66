#include "registry/docker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Not;
using ::testing::Pair;

DockerConfig Parse(absl::string_view json) {
  auto parsed = ParseDockerConfig(json);
  EXPECT_TRUE(parsed.ok()) << parsed.status() << " " << json;
  return parsed.ok() ? *std::move(parsed) : DockerConfig();
}

std::string Error(absl::string_view json) {
  const auto parsed = ParseDockerConfig(json);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << json.substr(0, 100);
  EXPECT_THAT(parsed.status().message(), Not(HasSubstr("hunter2")));
  return std::string(parsed.status().message());
}

// {"auths": {KEY: {"auth": base64(USER_PASSWORD)}}}
std::string AuthFor(absl::string_view key, absl::string_view user_password) {
  return absl::StrCat(R"({"auths": {")", key, R"(": {"auth": ")", absl::Base64Escape(user_password), "\"}}}");
}

TEST(DockerConfig, WhatDockerWrites) {
  const DockerConfig config = Parse(R"({
    "auths": {"https://index.docker.io/v1/": {"auth": "YWxpY2U6czpw", "email": "a@b.c"},
              "ghcr.io": {"auth": "Ym9iOg==", "identitytoken": "refresh"},
              "localhost:5000": {"username": "carol", "password": "pw"},
              "r.example": {"registrytoken": "bearer"},
              "in.store": {}},
    "credsStore": "secretservice",
    "credHelpers": {"gcr.io": "gcloud"},
    "HttpHeaders": {"User-Agent": "x"}, "psFormat": "table", "plugins": [1, {"a": null}]})");
  EXPECT_THAT(config.auths,
              ElementsAre(Pair("docker.io", Credentials{.username = "alice", .password = "s:p"}),
                          Pair("ghcr.io", Credentials{.username = "bob", .identity_token = "refresh"}),
                          Pair("localhost:5000", Credentials{.username = "carol", .password = "pw"}),
                          Pair("r.example", Credentials{.registry_token = "bearer"})));
  EXPECT_EQ(config.creds_store, "secretservice");
  EXPECT_THAT(config.cred_helpers, ElementsAre(Pair("gcr.io", "gcloud")));
}

TEST(DockerConfig, NothingAndNullAreFine) {
  for (const char* json :
       {"{}", R"({"auths": {}})", R"({"auths": null, "credsStore": null, "credHelpers": null})",
        R"({"auths": {"a.b": {"auth": null, "username": ""}}, "credsStore": ""})"}) {
    const DockerConfig config = Parse(json);
    EXPECT_THAT(config.auths, IsEmpty());
    EXPECT_EQ(config.creds_store, "");
    EXPECT_THAT(config.cred_helpers, IsEmpty());
  }
}

TEST(DockerConfig, KeysAreHostsOrUrlsOfThem) {
  for (const char* key : {"h.example:5000", "https://h.example:5000", "http://h.example:5000/",
                          "https://h.example:5000/v1/", "h.example:5000/v2/", "https://h.example:5000/v2"}) {
    EXPECT_THAT(Parse(AuthFor(key, "u:p")).auths, ElementsAre(Key("h.example:5000"))) << key;
  }
  for (const char* key :
       {"docker.io", "https://index.docker.io/v1/", "index.docker.io", "registry-1.docker.io"}) {
    EXPECT_THAT(Parse(AuthFor(key, "u:p")).auths, ElementsAre(Key("docker.io"))) << key;
  }
}

TEST(DockerConfig, KeysForAPartOfARegistryAreLeftOut) {
  for (const char* key : {"quay.io/team", "quay.io/team/app", "https://quay.io/v3/", "quay.io//", "",
                          "https://", "/v1/", "user:hunter2@quay.io"}) {
    EXPECT_THAT(Parse(AuthFor(key, "u:p")).auths, IsEmpty()) << key;
    EXPECT_THAT(
        Parse(absl::StrCat(R"({"auths": {")", key, R"(": 5}, "credHelpers": {")", key, R"(": 5}})")).auths,
        IsEmpty())
        << key;
  }
}

TEST(DockerConfig, DockersSpellingOfAKeyGoesFirst) {
  EXPECT_EQ(Parse(R"({"auths": {"docker.io": {"username": "other"},
                                "https://index.docker.io/v1/": {"username": "dockers"},
                                "index.docker.io": {"username": "other"}}})")
                .auths["docker.io"]
                .username,
            "dockers");
  EXPECT_EQ(Parse(R"({"auths": {"a.example": {"username": "dockers"},
                                "https://a.example/v2/": {"username": "other"},
                                "http://a.example": {"username": "other"}}})")
                .auths["a.example"]
                .username,
            "dockers");
}

TEST(DockerConfig, AuthGoesBeforeUserNameAndPassword) {
  const std::string auth = absl::Base64Escape("alice:right");
  EXPECT_EQ(
      Parse(absl::StrCat(R"({"auths": {"a.b": {"username": "x", "password": "y", "auth": ")", auth, "\"}}}"))
          .auths["a.b"],
      (Credentials{.username = "alice", .password = "right"}));
}

TEST(DockerConfig, NulsOfOldDockersAreCutOff) {
  EXPECT_EQ(Parse(AuthFor("a.b", absl::string_view("u:p\0\0", 5))).auths["a.b"].password, "p");
  EXPECT_EQ(Parse(AuthFor("a.b", absl::string_view("u:\0", 3))).auths["a.b"].password, "");
}

TEST(DockerConfig, BadEntryIsNamedAndNotShown) {
  EXPECT_EQ(Error(R"({"auths": {"a.b": {"auth": "hunter2!"}}})"),
            "auths: a.b: auth: is not the base64 of USER:PASSWORD");
  EXPECT_EQ(Error(AuthFor("https://index.docker.io/v1/", "hunter2")),
            "auths: docker.io: auth: is not the base64 of USER:PASSWORD");
  EXPECT_EQ(Error(R"({"auths": {"a.b": {"password": ["hunter2"]}}})"),
            "auths: a.b: password: is not a string");
  EXPECT_EQ(Error(R"({"auths": {"a.b": "hunter2"}})"), "auths: a.b: is not an object");
  EXPECT_EQ(Error(R"({"auths": ["hunter2"]})"), "auths: is not an object");
  EXPECT_THAT(Error(R"({"auths": {"a.b": {"registrytoken": "hunter2\r\nX: y"}}})"),
              AllOf(HasSubstr("a.b: registrytoken"), Not(HasSubstr("X: y"))));
  EXPECT_THAT(Error(R"({"auths": {"\u001b[31m": 5}})"), Not(HasSubstr("\x1b")));
}

TEST(DockerConfig, HelperNamesAreNoPaths) {
  for (const char* bad : {"../evil", "a/b", "a b", "/bin/sh"}) {
    EXPECT_EQ(Error(absl::StrCat(R"({"credsStore": ")", bad, "\"}")),
              "credsStore: is not the name of a credential helper");
    EXPECT_EQ(Error(absl::StrCat(R"({"credHelpers": {"a.b": ")", bad, "\"}}")),
              "credHelpers: a.b: is not the name of a credential helper");
  }
  EXPECT_THAT(Error(R"({"credHelpers": {"a.b": 5}})"), HasSubstr("a.b"));
  EXPECT_THAT(Error(R"({"credsStore": 5})"), HasSubstr("credsStore"));
  EXPECT_THAT(Error(R"({"credHelpers": []})"), HasSubstr("credHelpers"));
}

TEST(DockerConfig, GarbageIsNotShown) {
  for (const char* bad : {"", "hunter2", "[\"hunter2\"]", R"({"auths": {"a": {"auth": "hunter2)"}) {
    EXPECT_EQ(Error(bad), "it is not a JSON object");
  }
}

TEST(DockerConfig, IsBounded) {
  EXPECT_THAT(Error(std::string(kMaxDockerConfigBytes + 1, ' ')), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(Error(std::string(100'000, '[')), HasSubstr("nested too deeply"));
}

TEST(PlaceFor, HelperOfTheHostThenStoreThenFile) {
  DockerConfig config;
  config.auths["a.b"] = {.username = "stored"};
  config.auths["docker.io"] = {.username = "hub"};
  EXPECT_EQ(PlaceFor(config, "a.b").helper, "");
  EXPECT_EQ(PlaceFor(config, "a.b").stored.username, "stored");
  EXPECT_EQ(PlaceFor(config, "registry-1.docker.io").stored.username, "hub");
  EXPECT_TRUE(PlaceFor(config, "other").stored.empty());

  config.creds_store = "store";
  EXPECT_EQ(PlaceFor(config, "a.b").helper, "store");
  EXPECT_EQ(PlaceFor(config, "a.b").stored.username, "stored");

  config.cred_helpers["a.b"] = "own";
  config.cred_helpers["plain"] = "";
  EXPECT_EQ(PlaceFor(config, "a.b").helper, "own");
  EXPECT_EQ(PlaceFor(config, "a.b").stored.username, "stored");
  EXPECT_EQ(PlaceFor(config, "other").helper, "store");
  EXPECT_EQ(PlaceFor(config, "plain").helper, "");
}

}  // namespace
}  // namespace lacuna
