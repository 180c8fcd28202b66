// The unix sockets of the daemon, without what is spoken on them: where they are, who may listen, who may
// call.
//
// Callers: GrpcListener (lacunad), the client of lacunactl, host_check. Functions; safe from any thread.
#pragma once

#include <sys/socket.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "daemon/base/unique_fd.h"

namespace lacuna {

// The sockets within a run folder.
std::string ControlSocketPath(absl::string_view run_dir);
std::string SnapshotterSocketPath(absl::string_view run_dir);

// A listening socket at `path`, mode 0600, non-blocking. A socket file that a dead daemon left is replaced,
// but only after a connection to it was refused and while the folder is locked against others who do the
// same. FailedPrecondition when somebody listens there; InvalidArgument when the path is too long for a
// socket.
absl::StatusOr<UniqueFd> ListenOnUnixSocket(const std::string& path);

// A connection to the daemon that listens at `path`. Never blocks. The error says what connect(2) said.
absl::StatusOr<UniqueFd> ConnectToUnixSocket(const std::string& path);

// Who is at the other end (SO_PEERCRED, unix(7)).
absl::StatusOr<ucred> UnixPeer(int connection);

// OK for a peer that runs as root or as ourselves; PermissionDenied for others.
absl::Status CheckUnixPeer(int connection);

}  // namespace lacuna
