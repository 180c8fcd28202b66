#include "registry/http_error.h"

#include <gtest/gtest.h>

#include "daemon/base/status.h"

namespace lacuna {
namespace {

TEST(HttpError, NamesTheHostThatAnsweredWhereItIsAnother) {
  EXPECT_EQ(HttpError(403, "cdn", "reg"), absl::UnauthenticatedError("HTTP 403 from cdn: access denied"));
  EXPECT_EQ(HttpError(404, "reg", "reg"), absl::NotFoundError("HTTP 404: not found"));
}

TEST(HttpError, IsExplainedByTheRegistrysWords) {
  const absl::Status error = HttpError(400, "reg", "reg");
  EXPECT_EQ(WithExplanation(error, ""), error);
  EXPECT_EQ(WithExplanation(error, "no\x1b[31m"),
            absl::UnknownError("HTTP 400: unexpected answer, the registry says: no\\x1b[31m"));
  EXPECT_LT(WithExplanation(error, std::string(5000, 'x')).message().size(), 400);
  EXPECT_TRUE(IsIntegrityError(WithExplanation(error, R"({"errors":[{"code":"DIGEST_INVALID"}]})")));
}

}  // namespace
}  // namespace lacuna
