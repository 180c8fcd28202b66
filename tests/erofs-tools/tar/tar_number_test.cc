#include "erofs-tools/tar/tar_number.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/erofs-tools/tar/tar_builder.h"

namespace lacuna {
namespace {

TEST(TarNumber, OctalBetweenNulsAndSpaces) {
  EXPECT_EQ(ParseTarNumber("0000644"), 0644);
  EXPECT_EQ(ParseTarNumber("  644 \0\0"), 0644);
  EXPECT_EQ(ParseTarNumber(absl::string_view("\0 644\0009", 7)), 0644);
  EXPECT_EQ(ParseTarNumber("77777777777"), 077777777777);
  EXPECT_EQ(ParseTarNumber(""), 0);
  EXPECT_EQ(ParseTarNumber(absl::string_view("\0\0 \0", 4)), 0);
  for (const char* bad : {"8", "-1", "+1", "1x", "0x1", "1 2"})
    EXPECT_EQ(ParseTarNumber(bad), std::nullopt) << bad;
}

TEST(TarNumber, Base256IsOfTwoComplement) {
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  for (const int64_t value : {int64_t{0}, int64_t{1}, int64_t{-1}, int64_t{1} << 40, kMin, kMax}) {
    EXPECT_EQ(ParseTarNumber(Base256(value, 12)), value);
  }
  EXPECT_EQ(ParseTarNumber(Base256(-2, 8)), -2);
  std::string big = Base256(0, 12);
  big[3] = '\1';
  EXPECT_EQ(ParseTarNumber(big), std::nullopt) << "2^64";
  big[3] = '\0';
  big[4] = '\x80';
  EXPECT_EQ(ParseTarNumber(big), std::nullopt) << "2^63";
}

TEST(TarNumber, DecimalIsDigitsAndNothingElse) {
  EXPECT_EQ(ParseTarDecimal("-12"), -12);
  EXPECT_EQ(ParseTarDecimal("9223372036854775807"), std::numeric_limits<int64_t>::max());
  for (const char* bad : {"", "-", "+1", " 1", "1 ", "1.0", "9223372036854775808"}) {
    EXPECT_EQ(ParseTarDecimal(bad), std::nullopt) << bad;
  }
}

TEST(TarNumber, TimesAreRoundedDown) {
  EXPECT_EQ(ParsePaxTime("5"), (TarTime{5, 0}));
  EXPECT_EQ(ParsePaxTime("5."), (TarTime{5, 0}));
  EXPECT_EQ(ParsePaxTime("5.03"), (TarTime{5, 30'000'000}));
  EXPECT_EQ(ParsePaxTime("5.9999999999"), (TarTime{5, 999'999'999}));
  EXPECT_EQ(ParsePaxTime("-5"), (TarTime{-5, 0}));
  EXPECT_EQ(ParsePaxTime("-5.25"), (TarTime{-6, 750'000'000}));
  EXPECT_EQ(ParsePaxTime("-0.000000001"), (TarTime{-1, 999'999'999}));
  EXPECT_EQ(ParsePaxTime("-5.0000000001"), (TarTime{-6, 999'999'999}));
  EXPECT_EQ(ParsePaxTime("-5.9999999999"), (TarTime{-6, 0}));
  for (const char* bad : {"", ".5", "5.x", "5.-1", "1e5", "-9223372036854775808.5"}) {
    EXPECT_EQ(ParsePaxTime(bad), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace lacuna
