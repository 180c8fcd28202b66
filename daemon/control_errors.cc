#include "daemon/control_errors.h"

#include <grpcpp/support/status.h>

#include <string>

#include "absl/strings/cord.h"
#include "daemon/base/escape.h"
#include "daemon/base/status.h"
#include "proto/lacuna/control/v1/control.pb.h"

namespace lacuna {
namespace {

constexpr absl::string_view kIntegrity = "INTEGRITY";
constexpr absl::string_view kUnreachablePayload = "lacuna/daemon-unreachable";

// gRPC refuses trailers of more than 8 KiB. A message is there twice: as itself, where each byte may become
// three, and in the details, where three become four.
constexpr size_t kMaxMessageBytes = 1600;

// Empty when the details are not the daemon's.
std::string ReasonIn(const std::string& details) {
  control::v1::RpcStatus status;
  control::v1::ErrorDetail detail;
  const bool found =
      status.ParseFromString(details) && status.details_size() == 1 && status.details(0).UnpackTo(&detail);
  return found ? detail.reason() : "";
}

}  // namespace

absl::string_view ReasonOf(const absl::Status& status) {
  if (IsIntegrityError(status)) return kIntegrity;
  switch (status.code()) {
    case absl::StatusCode::kFailedPrecondition:
      return "BUSY";
    case absl::StatusCode::kUnauthenticated:
      return "AUTHENTICATION";
    case absl::StatusCode::kCancelled:
      return "CANCELLED";
    case absl::StatusCode::kInvalidArgument:
      return "INVALID_ARGUMENT";
    case absl::StatusCode::kNotFound:
      return "NOT_FOUND";
    case absl::StatusCode::kResourceExhausted:
      return "NO_SPACE";
    case absl::StatusCode::kPermissionDenied:
      return "PERMISSION_DENIED";
    case absl::StatusCode::kDeadlineExceeded:
      return "TIMEOUT";
    case absl::StatusCode::kUnavailable:
      return "UNAVAILABLE";
    case absl::StatusCode::kUnimplemented:
      return "UNSUPPORTED";
    default:
      return "FAILED";
  }
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const absl::string_view reason = ReasonOf(status);
  control::v1::ErrorDetail detail;
  detail.set_reason(reason.data(), reason.size());
  const std::string message(status.message().substr(0, kMaxMessageBytes));
  control::v1::RpcStatus details;
  details.set_code(static_cast<int>(status.code()));  // absl's codes are those of gRPC
  details.set_message(EscapeForTerminal(message).substr(0, kMaxMessageBytes));  // UTF-8 in any case
  details.add_details()->PackFrom(detail);
  return {static_cast<grpc::StatusCode>(status.code()), message, details.SerializeAsString()};
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string reason = ReasonIn(status.error_details());
  const bool from_daemon = !reason.empty();
  if (reason == kIntegrity) return IntegrityError(status.error_message());
  if (!from_daemon && status.error_code() == grpc::StatusCode::UNAVAILABLE) {
    return DaemonUnreachableError(status.error_message());
  }
  return {static_cast<absl::StatusCode>(status.error_code()), status.error_message()};
}

absl::Status DaemonUnreachableError(absl::string_view message) {
  absl::Status status = absl::UnavailableError(message);
  status.SetPayload(kUnreachablePayload, absl::Cord());
  return status;
}

bool IsDaemonUnreachable(const absl::Status& status) {
  return status.GetPayload(kUnreachablePayload).has_value();
}

}  // namespace lacuna
