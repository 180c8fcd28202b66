#include "registry/retry_after.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

absl::Time At(int year, int month, int day, int hour, int minute, int second) {
  return absl::FromCivil(absl::CivilSecond(year, month, day, hour, minute, second), absl::UTCTimeZone());
}

const absl::Time kNow = At(1994, 11, 6, 8, 48, 37);  // a minute before the RFC's example

TEST(RetryAfter, Seconds) {
  EXPECT_EQ(ParseRetryAfter("0", kNow), seconds(0));
  EXPECT_EQ(ParseRetryAfter(" 120\t", kNow), seconds(120));
  EXPECT_EQ(ParseRetryAfter("007", kNow), seconds(7));
}

TEST(RetryAfter, ADateInEachOfItsForms) {
  for (const char* date :
       {"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"}) {
    EXPECT_EQ(ParseRetryAfter(date, kNow), minutes(1)) << date;
    EXPECT_EQ(ParseRetryAfter(date, kNow + absl::Milliseconds(500)), milliseconds(59'500)) << date;
  }
}

TEST(RetryAfter, ADateThatHasPassedMeansNow) {
  for (const char* date : {"Sun, 06 Nov 1994 08:48:36 GMT", "Sunday, 06-Nov-94 08:48:36 GMT",
                           "Sun Nov  6 08:48:36 1994", "Thu, 01 Jan 1970 00:00:00 GMT"}) {
    EXPECT_EQ(ParseRetryAfter(date, kNow), seconds(0)) << date;
  }
}

TEST(RetryAfter, AYearOfTwoDigitsIsAtMostFiftyYearsAhead) {
  const absl::Time in_2026 = At(2026, 12, 31, 23, 59, 0);
  EXPECT_EQ(ParseRetryAfter("Friday, 01-Jan-27 00:00:00 GMT", in_2026), minutes(1));
  EXPECT_EQ(ParseRetryAfter("Friday, 01-Jan-76 00:00:00 GMT", in_2026), hours(1));
  EXPECT_EQ(ParseRetryAfter("Friday, 01-Jan-77 00:00:00 GMT", in_2026), seconds(0));
  EXPECT_EQ(ParseRetryAfter("Friday, 01-Jan-00 00:00:00 GMT", At(2099, 12, 31, 23, 59, 0)), minutes(1));
}

TEST(RetryAfter, MoreThanAnHourIsAnHour) {
  for (const char* longer : {"3601", "9223372036854775807", "Sun, 06 Nov 1994 09:48:38 GMT",
                             "Sunday, 06-Nov-99 08:49:37 GMT", "Fri Dec 31 23:59:59 9999"}) {
    EXPECT_EQ(ParseRetryAfter(longer, kNow), hours(1)) << longer;
  }
  EXPECT_EQ(ParseRetryAfter("3599", kNow), seconds(3599));
}

TEST(RetryAfter, EverythingElseIsNoAnswer) {
  for (const char* bad : {"",
                          " ",
                          "-1",
                          "+1",
                          "1.5",
                          "1s",
                          "1 2",
                          "0x10",
                          "soon",
                          "9223372036854775808",
                          "99999999999999999999999",
                          "infinite-future",
                          "infinite-past",
                          "1994-11-06",
                          "Sun, 06 Nov 1994 08:49:37",
                          "Sun, 06 Nov 1994 08:49:37 CET",
                          "Sun, 06 Nov 1994 08:49:37 GMT!",
                          "Sun, 31 Feb 1994 08:49:37 GMT",
                          "Sun, 06 Now 1994 08:49:37 GMT",
                          "Sun, 06 Nov 1994 25:49:37 GMT",
                          "Sunday, 06-Nov-94 08:49:37",
                          "Sun Nov  6 08:49:37"}) {
    EXPECT_FALSE(ParseRetryAfter(bad, kNow).has_value()) << bad;
  }
}

}  // namespace
}  // namespace lacuna
