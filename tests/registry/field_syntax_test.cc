#include "registry/field_syntax.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(FieldSyntax, ATokenEndsBeforeWhatItMayNotHold) {
  absl::string_view text = "x-Y_1!#$%&'*+.^`|~=z";
  absl::string_view token;
  ASSERT_TRUE(ConsumeToken(&text, &token));
  EXPECT_EQ(token, "x-Y_1!#$%&'*+.^`|~");
  EXPECT_EQ(text, "=z");
  for (absl::string_view none : {"", " a", "\"a\"", "(", ",", "\xc3\xa4", "\x7f"}) {
    EXPECT_FALSE(ConsumeToken(&none, &token)) << none;
  }
}

TEST(FieldSyntax, AQuotedStringIsWhatWasMeant) {
  absl::string_view text = R"("a, \"b\" \\ \c	)"
                           "\xc3\xa4\"rest";
  std::string value;
  ASSERT_TRUE(ConsumeQuotedString(&text, &value));
  EXPECT_EQ(value, "a, \"b\" \\ c\t\xc3\xa4");
  EXPECT_EQ(text, "rest");
}

TEST(FieldSyntax, ABrokenQuotedStringTakesNothing) {
  for (const absl::string_view bad :
       {"", "a", "\"", "\"a", "\"a\\\"", "\"a\\", "\"a\nb\"", "\"a\\\rb\"", "\"\x7f\""}) {
    absl::string_view text = bad;
    std::string value;
    EXPECT_FALSE(ConsumeQuotedString(&text, &value)) << bad;
    EXPECT_EQ(text, bad);
  }
}

TEST(FieldSyntax, WhitespaceAndCommas) {
  absl::string_view text = " \t, ,a";
  SkipOptionalWhitespace(&text);
  EXPECT_EQ(text, ", ,a");
  SkipListSeparators(&text);
  EXPECT_EQ(text, "a");
}

}  // namespace
}  // namespace lacuna
