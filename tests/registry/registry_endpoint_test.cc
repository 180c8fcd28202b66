#include "registry/registry_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(EndpointUrl, GetsSchemeAndPathOfTheApi) {
  const struct {
    const char* written;
    const char* url;
  } cases[] = {
      {"https://mirror.example", "https://mirror.example/v2"},
      {"https://mirror.example/", "https://mirror.example/v2"},
      {"HTTP://Mirror.example:5000", "http://Mirror.example:5000/v2"},
      {"mirror.example:5000", "https://mirror.example:5000/v2"},
      {"mirror.example/docker//hub/", "https://mirror.example/docker/hub/v2"},
      {"https://mirror.example/v2", "https://mirror.example/v2"},
      {"https://mirror.example/v2/", "https://mirror.example/v2"},
      {"https://mirror.example/v2/hub", "https://mirror.example/v2/hub/v2"},
      {"localhost:5000", "http://localhost:5000/v2"},
      {"[::1]:5000", "http://[::1]:5000/v2"},
      {"https://localhost:5000", "https://localhost:5000/v2"},
      {"httpd.example", "https://httpd.example/v2"},
      {"docker.io", "https://registry-1.docker.io/v2"},
      {"https://docker.io", "https://registry-1.docker.io/v2"},
      {"https://mirror.example/a~b", "https://mirror.example/a~b/v2"},
  };
  for (const auto& expected : cases) {
    const absl::StatusOr<std::string> got = EndpointUrl(expected.written, false);
    ASSERT_TRUE(got.ok()) << expected.written << ": " << got.status();
    EXPECT_EQ(*got, expected.url) << expected.written;
  }
}

TEST(EndpointUrl, AnOverriddenPathIsUsedAsItIs) {
  EXPECT_EQ(*EndpointUrl("https://mirror.example/v2/hub", true), "https://mirror.example/v2/hub");
  EXPECT_EQ(*EndpointUrl("https://mirror.example/hub/", true), "https://mirror.example/hub");
  EXPECT_EQ(*EndpointUrl("https://mirror.example", true), "https://mirror.example");
}

TEST(EndpointUrl, RefusesEverythingElseWithoutRepeatingIt) {
  for (const char* bad :
       {"", "/", "https://", "https:///v2", "ftp://secret.example", "unix:///secret",
        "https://u:secret@m.example", "u:secret@m.example/x", "secret@m.example",
        "https://m.example?token=secret", "https://m.example/#secret", "https://m.example/v2?secret",
        "https://m.example /secret", "https://m.example/ secret", "https://m.example/\nsecret",
        "https://m\xc3\xa4.example/secret", "https://m.example/\"secret"}) {
    const absl::StatusOr<std::string> got = EndpointUrl(bad, false);
    ASSERT_TRUE(absl::IsInvalidArgument(got.status())) << bad;
    EXPECT_THAT(std::string(got.status().message()), testing::Not(testing::HasSubstr("secret"))) << bad;
  }
}

TEST(EndpointUrl, SaysWhatIsWrong) {
  const auto error = [](absl::string_view url) {
    return std::string(EndpointUrl(url, false).status().message());
  };
  EXPECT_THAT(error("https://u:p@m.example"), testing::HasSubstr("user name"));
  EXPECT_THAT(error("https://m.example?a"), testing::HasSubstr("query"));
  EXPECT_THAT(error("https://"), testing::HasSubstr("no host"));
  EXPECT_THAT(error("ftp://m.example"), testing::HasSubstr("neither http nor https"));
}

}  // namespace
}  // namespace lacuna
