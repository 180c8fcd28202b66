// Whether another process sees what is mounted here. It has to be asked: overlayfs takes an empty folder for
// a lower layer as gladly as a mounted image.
//
// Pure but for /proc; safe from any thread. Must not be called from a door's thread: it looks at our mounts.
#pragma once

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"

namespace lacuna {

// OK when the process is in our mount namespace (mount_namespaces(7)); else FailedPrecondition, with what to
// do.
absl::Status CheckSameMountNamespace(pid_t process);

// OK when the process finds at `directory` the EROFS that we have mounted there; else FailedPrecondition.
absl::Status CheckSeesErofs(pid_t process, const std::string& directory);

}  // namespace lacuna
