#include "registry/content_range.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(ContentRange, RangeAndTotal) {
  const absl::StatusOr<ContentRange> got = ParseContentRange("bytes 4096-8191/10000");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->range, (ByteRange{4096, 4096}));
  EXPECT_EQ(got->total, 10000);
}

TEST(ContentRange, TotalMayBeUnknown) {
  const absl::StatusOr<ContentRange> got = ParseContentRange("bytes 0-0/*");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->range, (ByteRange{0, 1}));
  EXPECT_FALSE(got->total.has_value());
}

TEST(ContentRange, UnitIsInAnyCase) {
  EXPECT_TRUE(ParseContentRange("Bytes 0-1/2").ok());
}

TEST(ContentRange, RefusesEverythingElse) {
  for (const char* bad : {"",
                          "bytes",
                          "bytes ",
                          "bytes */100",
                          "bytes 5-4/10",
                          "bytes 0-10/10",
                          "bytes 0-9/9",
                          "bytes -1-2/3",
                          "items 0-1/2",
                          "bytes=0-1/2",
                          "bytes 0-1",
                          "bytes 0-1/",
                          "bytes 0-1/2 ,",
                          "bytes 0-1/2x",
                          "bytes 0 - 1/2",
                          "bytes +0-1/2",
                          "bytes 0-1/-2",
                          "bytes 0x0-1/2",
                          "bytes 0-18446744073709551615/*",
                          "bytes 0-9223372036854775807/*",
                          "bytes 0-99999999999999999999/*",
                          "bytes 0-1/99999999999999999999",
                          "bytes 0-1/2/3"}) {
    EXPECT_FALSE(ParseContentRange(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace lacuna
