// The snapshotter (snapshotter/snapshotter.h) as the gRPC service containerd.services.snapshots.v1.Snapshots:
// what containerd calls a proxy plugin. An adapter: it decides nothing.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/base/unique_fd.h"
#include "daemon/grpc_listener.h"
#include "daemon/snapshotter/snapshotter.h"

namespace lacuna {

using OpenSnapshotter = std::function<absl::StatusOr<std::unique_ptr<Snapshotter>>()>;

// On the socket that listens at `socket_path`. While the snapshotter cannot be opened (a full disk, a damaged
// database), that is tried with every call, and the error is its answer: images and mounts are served
// without. gRPC's threads call `open`, and what it gives.
absl::StatusOr<std::unique_ptr<GrpcListener>> ServeSnapshots(const std::string& socket_path,
                                                             UniqueFd listening, OpenSnapshotter open);

}  // namespace lacuna
