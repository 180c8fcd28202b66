#include "registry/http_error.h"

#include <gtest/gtest.h>

namespace lacuna {
namespace {

TEST(UrlForMessages, HasHostAndPathAndNoSecret) {
  EXPECT_EQ(UrlForMessages("https://reg.example:5000/v2/a?token=x"), "reg.example:5000/v2/a");
  EXPECT_EQ(UrlForMessages("http://me:pw@reg/v2/a@sha256:1#f"), "reg/v2/a@sha256:1");
  EXPECT_EQ(UrlForMessages("http://me:p@w@reg/"), "reg/");
  EXPECT_EQ(UrlForMessages("http://reg?sig=a/b@c"), "reg");
  EXPECT_EQ(UrlForMessages(""), "");
}

TEST(UrlHost, HasThePort) {
  EXPECT_EQ(UrlHost("https://u:p@[::1]:5000/v2/"), "[::1]:5000");
  EXPECT_EQ(UrlHost("https://reg"), "reg");
}

TEST(HttpError, NamesTheHostARedirectLedTo) {
  EXPECT_EQ(HttpError({.status = 403, .final_url = "https://cdn/x?sig=1"}, "https://reg/x"),
            absl::UnauthenticatedError("HTTP 403 from cdn: access denied"));
  EXPECT_EQ(HttpError({.status = 404, .final_url = "https://reg/y"}, "https://reg/x"),
            absl::NotFoundError("HTTP 404: not found"));
}

}  // namespace
}  // namespace lacuna
