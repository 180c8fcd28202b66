#include "registry/redirect_cache.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace lacuna {
namespace {

TEST(RedirectCache, RemembersUntilTold) {
  RedirectCache cache;
  EXPECT_FALSE(cache.Find("a").has_value());
  cache.Remember("a", {.url = "https://cdn/1"});
  EXPECT_EQ(cache.Find("a")->url, "https://cdn/1");
  cache.Remember("a", {.url = "https://cdn/2"});
  cache.Forget("a", "https://cdn/1");  // by somebody who had the old one
  EXPECT_EQ(cache.Find("a")->url, "https://cdn/2");
  cache.Forget("a", "https://cdn/2");
  EXPECT_FALSE(cache.Find("a").has_value());
}

TEST(RedirectCache, IsBoundedAndForgetsTheOldest) {
  RedirectCache cache;
  for (int i = 0; i < 10'000; ++i) cache.Remember(absl::StrCat(i), {.url = "https://cdn/"});
  int found = 0;
  for (int i = 0; i < 10'000; ++i) found += cache.Find(absl::StrCat(i)).has_value() ? 1 : 0;
  EXPECT_EQ(found, 4096);
  EXPECT_FALSE(cache.Find("0").has_value());
  EXPECT_TRUE(cache.Find("9999").has_value());
}

}  // namespace
}  // namespace lacuna
