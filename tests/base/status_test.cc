#include "daemon/base/status.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace lacuna {
namespace {

TEST(Status, ErrnoKeepsItsMeaning) {
  EXPECT_EQ(ErrnoStatus(ENOENT, "open x").code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(ErrnoStatus(ENOSPC, "write x").code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ErrnoStatus(ENOENT, "open x").message(), "open x: No such file or directory");
}

TEST(Status, AnnotateKeepsCodeAndIntegrity) {
  const absl::Status status = Annotate(IntegrityError("wrong digest"), "manifest");
  EXPECT_TRUE(IsIntegrityError(status));
  EXPECT_EQ(status.message(), "manifest: wrong digest");
  EXPECT_TRUE(Annotate(absl::OkStatus(), "x").ok());
}

TEST(Status, OtherErrorsAreNotIntegrityErrors) {
  EXPECT_FALSE(IsIntegrityError(absl::DataLossError("x")));
}

absl::StatusOr<int> Twice(absl::StatusOr<int> in) {
  ASSIGN_OR_RETURN(int value, in);
  return 2 * value;
}

TEST(Status, AssignOrReturnPassesErrorsOn) {
  EXPECT_EQ(*Twice(21), 42);
  EXPECT_EQ(Twice(absl::NotFoundError("no")).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace lacuna
