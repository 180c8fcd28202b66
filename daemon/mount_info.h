// The mounts of this process's namespace, as /proc/self/mountinfo lists them (proc(5)).
//
// Pure but for ReadMountInfo; safe from any thread. Touches no mount: only the table is read.
#pragma once

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lacuna {

struct MountEntry {
  std::string device;     // "major:minor" of the file system
  std::string directory;  // the mount point
  std::string type;       // "erofs"
  std::string source;     // as it was given at mount time
};

// In the order of mounting. Lines that make no sense are left out.
std::vector<MountEntry> ParseMountInfo(absl::string_view text);
absl::StatusOr<std::vector<MountEntry>> ReadMountInfo();

}  // namespace lacuna
