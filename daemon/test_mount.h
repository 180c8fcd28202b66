// Proof that EROFS mounts work here: a tiny image whose one file is read back through a real mount.
//
// Callers: door_selection (through a door) and host_check (without one). Thread-safe.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "cachefiles/on_demand_door.h"

namespace lacuna {

// The image's bytes: whole blocks, always the same.
std::string TestImage();

// Mounts what `spec` names, which is TestImage(), at the empty directory `mount_point`, reads its file,
// compares, and unmounts. IntegrityError when the file differs.
absl::Status TryTestMount(const MountSpec& spec, const std::string& mount_point);

}  // namespace lacuna
