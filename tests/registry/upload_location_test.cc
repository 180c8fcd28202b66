#include "registry/upload_location.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

constexpr char kUrl[] = "https://registry.example:5000/v2/repo/blobs/uploads/?x=1";

TEST(UploadLocation, ResolvesAsRfc3986) {
  const auto resolve = [](absl::string_view location) { return *ResolveLocation(kUrl, location); };
  EXPECT_EQ(resolve("https://other.example/u?a=b"), "https://other.example/u?a=b");
  EXPECT_EQ(resolve("//other.example/u"), "https://other.example/u");
  EXPECT_EQ(resolve("/v2/repo/blobs/uploads/7?s=1"),
            "https://registry.example:5000/v2/repo/blobs/uploads/7?s=1");
  EXPECT_EQ(resolve("7?s=1"), "https://registry.example:5000/v2/repo/blobs/uploads/7?s=1");
  EXPECT_EQ(resolve("?s=2"), "https://registry.example:5000/v2/repo/blobs/uploads/?s=2");
  EXPECT_EQ(resolve("/u#part"), "https://registry.example:5000/u");
}

TEST(UploadLocation, RefusesWhatIsNoPlaceToUploadTo) {
  for (const char* location : {"", "ftp://host/x", "file:///etc/passwd", "javascript:x"}) {
    EXPECT_FALSE(ResolveLocation(kUrl, location).ok()) << location;
  }
}

TEST(UploadLocation, NeverLeadsFromHttpsToHttp) {
  EXPECT_FALSE(ResolveLocation(kUrl, "http://registry.example:5000/u").ok());
  EXPECT_FALSE(ResolveLocation(kUrl, "HTTP://registry.example:5000/u").ok());
  EXPECT_TRUE(ResolveLocation("http://registry.example/u", "https://registry.example/u").ok());
}

TEST(UploadLocation, AnOriginIsSchemeHostAndPort) {
  EXPECT_TRUE(SameOrigin("https://Host:1/a?b", "HTTPS://host:1/c"));
  EXPECT_TRUE(SameOrigin("https://host", "https://host?x"));
  EXPECT_FALSE(SameOrigin("https://host:1/a", "https://host:2/a"));
  EXPECT_FALSE(SameOrigin("https://host/a", "http://host/a"));
  EXPECT_FALSE(SameOrigin("https://host.evil.example/a", "https://host/a"));
  EXPECT_FALSE(SameOrigin("https://host@evil.example/a", "https://host/a"));
}

TEST(UploadLocation, TheDigestJoinsTheQueryThatIsThere) {
  const Digest digest = Digest::Of("");
  EXPECT_EQ(WithDigest("https://h/u", digest), "https://h/u?digest=" + digest.ToString());
  EXPECT_EQ(WithDigest("https://h/u?a=b", digest), "https://h/u?a=b&digest=" + digest.ToString());
}

}  // namespace
}  // namespace lacuna
