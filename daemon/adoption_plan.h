// What a daemon that takes over from one that died finds: its records held against the mount table.
//
// Caller: ErofsMounts::Adopt. Pure.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "daemon/cache_db.h"
#include "daemon/mount_info.h"

namespace lacuna {

struct AdoptionPlan {
  struct FileSystem {
    FileSystemRecord record;
    std::string device;               // "major:minor"; empty when it is not at its mount point
    std::vector<MountRecord> mounts;  // that the mount table shows too
  };
  // Of this boot, those that are mounted first. In those that are not, files may be open.
  std::vector<FileSystem> file_systems;
  std::vector<std::string> outdated;  // mount points of file systems that an earlier boot had
  std::vector<std::string> vanished;  // directories that are recorded and show nothing of ours
  std::set<std::string> unknown;      // devices of what is mounted under `mounts_dir` and not recorded
};

struct RecordedMounts {
  std::vector<FileSystemRecord> file_systems;
  std::vector<MountRecord> mounts;
};

AdoptionPlan PlanAdoption(RecordedMounts recorded, const std::vector<MountEntry>& entries,
                          const std::string& mounts_dir, const std::string& boot_id);

}  // namespace lacuna
