#include "registry/token_answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

using ::std::chrono::hours;
using ::std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

Duration LifetimeFor(absl::string_view expires_in) {
  const auto answer = ParseTokenAnswer(absl::StrCat(R"({"token": "t", "expires_in": )", expires_in, "}"));
  return answer.ok() ? answer->lifetime : Duration::zero();
}

std::string Error(absl::string_view json) {
  const auto answer = ParseTokenAnswer(json);
  EXPECT_EQ(answer.status().code(), absl::StatusCode::kInvalidArgument) << json.substr(0, 100);
  return std::string(answer.status().message());
}

TEST(TokenAnswer, AllFields) {
  const auto answer = ParseTokenAnswer(
      R"({"token": "abc", "access_token": "other", "expires_in": 300, "refresh_token": "more",
          "issued_at": "2024-01-01T00:00:00Z", "scope": ["x"]})");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->token, "abc");
  EXPECT_EQ(answer->lifetime, seconds(300));
  EXPECT_EQ(answer->refresh_token, "more");
}

TEST(TokenAnswer, Oauth2CallsItAccessToken) {
  for (const char* json : {R"({"access_token": "abc"})", R"({"token": "", "access_token": "abc"})",
                           R"({"token": null, "access_token": "abc"})"}) {
    const auto answer = ParseTokenAnswer(json);
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->token, "abc");
    EXPECT_EQ(answer->lifetime, seconds(60));
    EXPECT_EQ(answer->refresh_token, "");
  }
}

TEST(TokenAnswer, LifetimeIsBounded) {
  EXPECT_EQ(LifetimeFor("1"), seconds(1));
  EXPECT_EQ(LifetimeFor("0"), seconds(1));
  EXPECT_EQ(LifetimeFor("-5"), seconds(1));
  EXPECT_EQ(LifetimeFor("-9223372036854775808"), seconds(1));
  EXPECT_EQ(LifetimeFor("86400"), hours(24));
  EXPECT_EQ(LifetimeFor("86401"), hours(24));
  EXPECT_EQ(LifetimeFor("9223372037"), hours(24));  // seconds whose nanoseconds do not fit
  EXPECT_EQ(LifetimeFor("18446744073709551615"), hours(24));
}

TEST(TokenAnswer, LifetimeThatIsNoWholeNumberIsTheDefault) {
  for (const char* odd : {"1.5", "\"300\"", "null", "true", "[300]", "{}"}) {
    EXPECT_EQ(LifetimeFor(odd), seconds(60)) << odd;
  }
}

TEST(TokenAnswer, TokenMustFitAHeader) {
  for (const char* bad :
       {R"(hunter2\r\nX-Evil: 1)", R"(hunter2\n)", R"(hunter2 x)", R"(hunter2\u0000)", R"(hunter2\u00e9)"}) {
    for (const char* name : {"token", "access_token"}) {
      const std::string error = Error(absl::StrCat("{\"", name, "\": \"", bad, "\"}"));
      EXPECT_THAT(error, HasSubstr("characters"));
      EXPECT_THAT(error, Not(HasSubstr("hunter2")));
    }
  }
}

TEST(TokenAnswer, RefusesWhatHasNoToken) {
  EXPECT_THAT(Error("{}"), HasSubstr("neither token nor access_token"));
  EXPECT_THAT(Error(R"({"token": 5})"), HasSubstr("token: is not a string"));
  EXPECT_THAT(Error(R"({"token": "t", "refresh_token": []})"), HasSubstr("refresh_token: is not a string"));
  for (const char* bad : {"", "[]", "\"hunter2\"", "{\"token\": \"hunter2", "<html>hunter2</html>",
                          "{\"token\": \"hunter2\"} x", "{\"token\": \"hunter2\xff\"}"}) {
    EXPECT_EQ(Error(bad), "it is not a JSON object");
  }
}

TEST(TokenAnswer, IsBounded) {
  const std::string long_token(1024 * 1024 - 12, 'a');
  EXPECT_TRUE(ParseTokenAnswer(absl::StrCat(R"({"token":")", long_token, "\"}")).ok());
  EXPECT_THAT(Error(absl::StrCat(R"({"token":")", long_token, "a\"}")), HasSubstr("larger than 1 MiB"));
  EXPECT_THAT(Error(std::string(100'000, '[')), HasSubstr("nested too deeply"));
}

}  // namespace
}  // namespace lacuna
