#include "daemon/snapshotter/go_unquote.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

std::optional<std::string> Unquote(absl::string_view text) {
  return GoUnquote(text);
}

TEST(GoUnquote, WhatNeedsNoEscape) {
  EXPECT_EQ(Unquote("\"\""), "");
  EXPECT_EQ(Unquote("\"a b, c == 'd' / | e\""), "a b, c == 'd' / | e");
  EXPECT_EQ(Unquote("\"gr\xc3\xbc\xc3\x9f"
                    "e\""),
            "gr\xc3\xbc\xc3\x9f"
            "e");
  EXPECT_EQ(Unquote("/a\"b/"), "a\"b");
}

TEST(GoUnquote, Escapes) {
  EXPECT_EQ(Unquote(R"("\a\b\f\n\r\t\v\\\"")"), "\a\b\f\n\r\t\v\\\"");
  EXPECT_EQ(Unquote(R"(/\//)"), "/");
  EXPECT_EQ(Unquote(R"("\000\101\377")"), std::string("\0A\xff", 3));
  EXPECT_EQ(Unquote(R"("\x00\x41\xfF")"), std::string("\0A\xff", 3));
  EXPECT_EQ(Unquote(R"("\u0041\u00fc\u20ac\U0001F600")"), "A\xc3\xbc\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(GoUnquote, HalfASurrogatePairBecomesTheReplacementCharacter) {
  EXPECT_EQ(Unquote(R"("\ud800")"), "\xef\xbf\xbd");
}

TEST(GoUnquote, WhatIsNoLiteral) {
  for (const absl::string_view text :
       {"", "\"", "\"a", "a\"", "\"a\"b\"", "\"a\nb\"", R"("\")", R"("\q")", R"("\/")", R"("\400")",
        R"("\08")", R"("\12")", R"("\x4")", R"("\xg0")", R"("\u12")", R"("\U00110000")", R"("\u")"}) {
    EXPECT_EQ(Unquote(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace lacuna
