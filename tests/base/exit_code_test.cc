#include "daemon/base/exit_code.h"

#include <gtest/gtest.h>

#include "daemon/base/status.h"

namespace lacuna {
namespace {

// CONTRACT.md, "Command lines": others' scripts depend on these numbers.
TEST(ExitCode, IsTheContracts) {
  EXPECT_EQ(ExitCodeOf(absl::OkStatus()), 0);
  EXPECT_EQ(ExitCodeOf(absl::InternalError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::InvalidArgumentError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::UnavailableError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::DataLossError("")), 1);
  EXPECT_EQ(ExitCodeOf(absl::NotFoundError("")), 4);
  EXPECT_EQ(ExitCodeOf(absl::FailedPreconditionError("")), 5);
  EXPECT_EQ(ExitCodeOf(absl::UnauthenticatedError("")), 6);
  EXPECT_EQ(ExitCodeOf(IntegrityError("")), 7);
  EXPECT_EQ(ExitCodeOf(Annotate(IntegrityError(""), "context")), 7);
  EXPECT_EQ(ExitCodeOf(absl::DeadlineExceededError("")), 8);
  EXPECT_EQ(ExitCodeOf(absl::CancelledError("")), 130);
}

}  // namespace
}  // namespace lacuna
