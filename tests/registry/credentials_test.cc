#include "registry/credentials.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(ParseUserPassword, PasswordBeginsAfterTheFirstColon) {
  EXPECT_EQ(ParseUserPassword("alice:a:b"), (Credentials{.username = "alice", .password = "a:b"}));
  EXPECT_EQ(ParseUserPassword("alice"), (Credentials{.username = "alice"}));
  EXPECT_EQ(ParseUserPassword("alice:"), (Credentials{.username = "alice"}));
  EXPECT_EQ(ParseUserPassword(":secret"), (Credentials{.password = "secret"}));
  EXPECT_TRUE(ParseUserPassword("").empty());
}

TEST(Credentials, AnythingKnownIsNotEmpty) {
  EXPECT_TRUE(Credentials().empty());
  EXPECT_FALSE(Credentials{.username = "u"}.empty());
  EXPECT_FALSE(Credentials{.password = "p"}.empty());
  EXPECT_FALSE(Credentials{.identity_token = "i"}.empty());
  EXPECT_FALSE(Credentials{.registry_token = "r"}.empty());
}

TEST(IsBearerToken, IsVisibleAsciiOnly) {
  EXPECT_TRUE(IsBearerToken("eyJhbGciOi.eyJhY2Nlc3Mi._-~+/="));
  for (const absl::string_view bad :
       {absl::string_view(""), absl::string_view("a b"), absl::string_view("a\r\nX-Evil: 1"),
        absl::string_view("a\n"), absl::string_view("a\0b", 3), absl::string_view("t\xc3\xb6ken"),
        absl::string_view("a\x7f"), absl::string_view("a\t")}) {
    EXPECT_FALSE(IsBearerToken(bad)) << bad;
  }
}

}  // namespace
}  // namespace lacuna
