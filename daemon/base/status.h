// How lacuna makes, passes on and reads absl::Status.
//
// Callers: everything. Pure functions; safe from any thread.
#pragma once

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

// A Status for `errno_value` with the text "WHAT: strerror". ENOSPC becomes ResourceExhausted, EBUSY
// FailedPrecondition, and so on.
absl::Status ErrnoStatus(int errno_value, absl::string_view what);

// `status` with "CONTEXT: " before its message; OK stays OK.
absl::Status Annotate(const absl::Status& status, absl::string_view context);

// Bytes that are not what their digest, length or checksum says. Kept apart from other failures because it is
// never worth a retry at the same source and has an exit code of its own (7).
absl::Status IntegrityError(absl::string_view message);
bool IsIntegrityError(const absl::Status& status);

}  // namespace lacuna

#define LACUNA_STATUS_CAT_(a, b) a##b
#define LACUNA_STATUS_NAME_(line) LACUNA_STATUS_CAT_(status_or_, line)

// Returns from the enclosing function when EXPR (an absl::Status) is not OK.
#define RETURN_IF_ERROR(expr)                                         \
  do {                                                                \
    if (absl::Status status_ = (expr); !status_.ok()) return status_; \
  } while (false)

// ASSIGN_OR_RETURN(auto x, F()) : x = *F(), or returns F()'s status.
#define ASSIGN_OR_RETURN(lhs, expr) ASSIGN_OR_RETURN_IMPL_(LACUNA_STATUS_NAME_(__LINE__), lhs, expr)
#define ASSIGN_OR_RETURN_IMPL_(name, lhs, expr)    \
  auto name = (expr);                              \
  if (!name.ok()) return std::move(name).status(); \
  lhs = *std::move(name)
