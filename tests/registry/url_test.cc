#include "registry/url.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

constexpr char kUrl[] = "https://registry.example:5000/v2/repo/blobs/uploads/?x=1";

TEST(Url, ResolvesAsRfc3986) {
  const auto resolve = [](absl::string_view location) { return *ResolveLocation(kUrl, location); };
  EXPECT_EQ(resolve("https://other.example/u?a=b"), "https://other.example/u?a=b");
  EXPECT_EQ(resolve("//other.example/u"), "https://other.example/u");
  EXPECT_EQ(resolve("/v2/repo/blobs/uploads/7?s=1"),
            "https://registry.example:5000/v2/repo/blobs/uploads/7?s=1");
  EXPECT_EQ(resolve("7?s=1"), "https://registry.example:5000/v2/repo/blobs/uploads/7?s=1");
  EXPECT_EQ(resolve("?s=2"), "https://registry.example:5000/v2/repo/blobs/uploads/?s=2");
  EXPECT_EQ(resolve("/u#part"), "https://registry.example:5000/u");
}

TEST(Url, RefusesWhatIsNoPlaceToUploadTo) {
  for (const char* location : {"", "ftp://host/x", "file:///etc/passwd", "javascript:x"}) {
    EXPECT_FALSE(ResolveLocation(kUrl, location).ok()) << location;
  }
}

TEST(Url, NeverLeadsFromHttpsToHttp) {
  EXPECT_FALSE(ResolveLocation(kUrl, "http://registry.example:5000/u").ok());
  EXPECT_FALSE(ResolveLocation(kUrl, "HTTP://registry.example:5000/u").ok());
  EXPECT_TRUE(ResolveLocation("http://registry.example/u", "https://registry.example/u").ok());
}

TEST(Url, AnOriginIsSchemeHostAndPort) {
  EXPECT_TRUE(SameOrigin("https://Host:1/a?b", "HTTPS://host:1/c"));
  EXPECT_TRUE(SameOrigin("https://host", "https://host?x"));
  EXPECT_FALSE(SameOrigin("https://host:1/a", "https://host:2/a"));
  EXPECT_FALSE(SameOrigin("https://host/a", "http://host/a"));
  EXPECT_FALSE(SameOrigin("https://host.evil.example/a", "https://host/a"));
  EXPECT_FALSE(SameOrigin("https://host@evil.example/a", "https://host/a"));
}

TEST(Url, AQueryJoinsTheOneThatIsThere) {
  EXPECT_EQ(WithQuery("https://h/u", "digest", "sha256:1"), "https://h/u?digest=sha256%3A1");
  EXPECT_EQ(WithQuery("https://h/u?a=b", "scope", "a b&c"), "https://h/u?a=b&scope=a%20b%26c");
}

TEST(Url, ALocationWithAUserNameIsRefused) {
  EXPECT_FALSE(ResolveLocation(kUrl, "https://me@registry.example/u").ok());
  EXPECT_FALSE(ResolveLocation(kUrl, "https://").ok());
}

TEST(Url, AnAuthorityIsAHostAndMaybeAPort) {
  for (const char* good : {"reg", "reg.example:5000", "[::1]", "[::1]:5000", "10.0.0.1:1"}) {
    EXPECT_TRUE(IsAuthority(good)) << good;
  }
  for (const char* bad : {"", ":5000", "reg:", "u:pw", "u:p:1", "me@reg", "reg/x", "[::1", "a b"}) {
    EXPECT_FALSE(IsAuthority(bad)) << bad;
  }
  EXPECT_FALSE(ResolveLocation(kUrl, "https://me:p/w@registry.example/u").ok());
}

TEST(Url, TheOriginIsTheKeyOfAHost) {
  EXPECT_EQ(UrlOrigin("HTTPS://Host:1/a?b"), "https://host:1");
}

TEST(UrlForMessages, HasHostAndPathAndNoSecret) {
  EXPECT_EQ(UrlForMessages("https://reg.example:5000/v2/a?token=x"), "reg.example:5000/v2/a");
  EXPECT_EQ(UrlForMessages("http://me:pw@reg/v2/a@sha256:1#f"), "reg/v2/a@sha256:1");
  EXPECT_EQ(UrlForMessages("http://me:p@w@reg/"), "reg/");
  EXPECT_EQ(UrlForMessages("http://reg?sig=a/b@c"), "reg");
  EXPECT_EQ(UrlForMessages(""), "");
  EXPECT_EQ(UrlForMessages("http://me:p/w@reg/v2/"), "reg/v2/");
}

TEST(UrlHost, HasThePort) {
  EXPECT_EQ(UrlHost("https://u:p@[::1]:5000/v2/"), "[::1]:5000");
  EXPECT_EQ(UrlHost("https://reg"), "reg");
}

}  // namespace
}  // namespace lacuna
