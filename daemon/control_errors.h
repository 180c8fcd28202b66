// How an error travels from the daemon to its clients: absl::Status -> grpc::Status -> absl::Status, with a
// stable reason for programs (lacuna.control.v1.ErrorDetail) beside the text for people.
//
// Callers: control_service.cc and the client of lacunactl. Pure functions; safe from any thread.
//
// Reasons, fixed from the first version on:
//   BUSY AUTHENTICATION CANCELLED INTEGRITY INVALID_ARGUMENT NOT_FOUND NO_SPACE PERMISSION_DENIED TIMEOUT
//   UNAVAILABLE UNSUPPORTED, and FAILED for everything else.
#pragma once

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace grpc {
class Status;
}

namespace lacuna {

// `status` is not OK.
absl::string_view ReasonOf(const absl::Status& status);

// Keeps code, reason, and as much of the message as fits into what gRPC lets through (HTTP/2 trailers).
grpc::Status ToGrpcStatus(const absl::Status& status);

// The reverse; integrity errors stay what they are. A failure that gRPC itself met while talking to the
// daemon satisfies IsDaemonUnreachable.
absl::Status FromGrpcStatus(const grpc::Status& status);

// The daemon gave no answer at all: it does not run, or it ended during the call.
absl::Status DaemonUnreachableError(absl::string_view message);
bool IsDaemonUnreachable(const absl::Status& status);

}  // namespace lacuna
