#include "daemon/base/digest.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

// FIPS 180-2, appendix B.1.
constexpr char kDigestOfAbc[] = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(Digest, OfAbcIsTheStandardsExample) {
  EXPECT_EQ(Digest::Of("abc").ToString(), kDigestOfAbc);
}

TEST(Digest, InPiecesIsTheSame) {
  Sha256 hasher;
  hasher.Update(absl::MakeConstSpan("a", 1));
  hasher.Update(absl::MakeConstSpan("bc", 2));
  EXPECT_EQ(hasher.Finish().ToString(), kDigestOfAbc);
}

TEST(Digest, ParsesWhatItPrints) {
  auto parsed = Digest::Parse(kDigestOfAbc);
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(*parsed, Digest::Of("abc"));
}

TEST(Digest, RefusesWhatIsNoDigest) {
  for (std::string text :
       {std::string(), std::string("sha256:"), std::string("sha512:abcd"), std::string(kDigestOfAbc) + "0",
        std::string(71, 'a'),
        std::string("sha256:BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD")}) {
    EXPECT_FALSE(Digest::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace lacuna
