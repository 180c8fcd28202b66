// Control (control.h) as the gRPC service lacuna.control.v1.Control. An adapter: it decides nothing.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"
#include "daemon/grpc_listener.h"

namespace lacuna {

class Control;

// On the socket that listens at `socket_path`. gRPC's threads call `control`, which outlives the listener.
absl::StatusOr<std::unique_ptr<GrpcListener>> ServeControl(const std::string& socket_path, UniqueFd listening,
                                                           Control& control);

}  // namespace lacuna
